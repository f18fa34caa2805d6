//! `ostia token`: whether a bearer token is accepted, and which check it fails.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use ostia_gateway::rehearsal::{TokenCheck, TokenVerdict};
use serde_json::{Value, json};

use super::rehearsing::{self, Failed, Told, read_token};
use super::route::Format;
use super::terminal::say;
use super::{ConfigFile, EXIT_FAILED, EXIT_OK};

/// Checks a bearer token as the proxy would: by the providers of the configuration, with the keys of their issuers,
/// which are loaded. The token itself is never printed. Exits 0 if it is accepted, 1 if not, 2 if there is none.
#[derive(Debug, clap::Args)]
pub(super) struct Token {
    /// The token. Others on this machine can see arguments: without it, it is read from standard input.
    token: Option<String>,
    /// A file with the token; `-` for standard input.
    #[arg(long, value_name = "FILE", conflicts_with = "token")]
    file: Option<PathBuf>,
    /// Ask this provider, whatever the token says about its issuer.
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
    /// The time at which it is checked, such as `2026-11-22T08:00:00Z`.
    #[arg(long, value_name = "TIME", value_parser = rehearsing::time)]
    at: Option<SystemTime>,
    /// How it is told.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    #[command(flatten)]
    config: ConfigFile,
}

impl Token {
    pub(super) fn run(&self) -> u8 {
        rehearsing::exit(self.tell())
    }

    fn tell(&self) -> Told<u8> {
        let token = match &self.token {
            Some(token) => token.clone(),
            None => read_token(self.file.as_deref().unwrap_or(Path::new("-")))?,
        };
        let now = self.at.unwrap_or_else(SystemTime::now);
        let check = rehearsing::with(&self.config.path, async |rehearsal| {
            rehearsal.learn_keys().await;
            Ok(rehearsal.token(&token, self.provider.as_deref(), now).await)
        })?;
        if let (Some(name), true) = (&self.provider, check.verdicts.is_empty()) {
            return Err(Failed::input("--provider", format!("there is no provider `{name}`")));
        }
        match self.format {
            Format::Human => say(human(&check)),
            Format::Json => say(format!("{:#}", of_check(&check))),
        }
        let accepted = check.verdicts.iter().any(|verdict| verdict.verdict.is_ok());
        Ok(if accepted { EXIT_OK } else { EXIT_FAILED })
    }
}

fn human(check: &TokenCheck) -> String {
    let said = |value: &Option<String>| match value {
        Some(value) => value.escape_debug().to_string(),
        None => "not readable".to_owned(),
    };
    let mut lines = vec![format!(
        "header    alg {}, kid {}, typ {}",
        said(&check.algorithm),
        check.kid.as_deref().unwrap_or("none").escape_debug(),
        check.typ.as_deref().unwrap_or("none").escape_debug()
    )];
    lines.push(format!("issuer    {}", said(&check.issuer)));
    if check.verdicts.is_empty() {
        lines.push("refused   issuer_unknown: no provider of this configuration has this issuer".to_owned());
    }
    for TokenVerdict { provider, verdict } in &check.verdicts {
        lines.push(format!("provider  {provider}"));
        match verdict {
            Err((slug, words)) => lines.push(format!("refused   {slug}: {words}")),
            Ok(identity) => {
                lines.push("accepted".to_owned());
                lines.push(format!("subject   {}", identity.subject.escape_debug()));
                lines.push(format!("scopes    {}", identity.scopes.join(" ").escape_debug()));
                let ends = identity.expires_at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
                let ends = i64::try_from(ends).ok().and_then(|ends| jiff::Timestamp::from_second(ends).ok());
                lines.push(format!("ends      {}", ends.map_or_else(String::new, |ends| ends.to_string())));
                for (name, value) in identity.claims.to_map() {
                    let value: String = value.to_string().chars().take(200).collect();
                    lines.push(format!("claim     {}: {}", name.escape_debug(), value.escape_debug()));
                }
            }
        }
    }
    lines.join("\n")
}

fn of_check(check: &TokenCheck) -> Value {
    let verdicts = check.verdicts.iter().map(|TokenVerdict { provider, verdict }| match verdict {
        Err((slug, words)) => json!({ "provider": provider, "accepted": false, "reason": slug, "because": words }),
        Ok(identity) => json!({
            "provider": provider, "accepted": true, "issuer": &*identity.issuer, "subject": &*identity.subject,
            "scopes": identity.scopes, "claims": identity.claims.to_map(),
        }),
    });
    json!({
        "algorithm": check.algorithm, "kid": check.kid, "typ": check.typ, "issuer": check.issuer,
        "verdicts": verdicts.collect::<Vec<_>>(),
    })
}
