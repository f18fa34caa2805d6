//! What the verbs that try requests have in common: their input, and the rehearsal itself.

use std::fmt;
use std::io::Read as _;
use std::net::IpAddr;
use std::path::Path;
use std::time::SystemTime;

use ostia_config::document;
use ostia_config::load::{self, Environment};
use ostia_gateway::rehearsal::{Assumed, Rehearsal, RehearsalRefused, Trial};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::terminal::complain;
use super::{EXIT_CONFIG, EXIT_USAGE};
use crate::server;

/// The longest file with an identity, cases or a token.
const MAX_BYTES: u64 = 1 << 20;

/// Why a verb could not do what it was asked for.
#[derive(Debug)]
pub(super) enum Failed {
    /// The configuration is wrong.
    Config(String),
    /// The input is.
    Input(String),
}

/// What a verb comes to.
pub(super) type Told<T> = Result<T, Failed>;

impl Failed {
    pub(super) fn input(what: impl fmt::Display, why: impl fmt::Display) -> Self {
        Self::Input(format!("error: {what}: {why}"))
    }
}

impl From<RehearsalRefused> for Failed {
    fn from(refused: RehearsalRefused) -> Self {
        match refused {
            RehearsalRefused::Compile(refused) => Self::Config(format!("error: {refused}")),
            other => Self::Input(format!("error: {other}")),
        }
    }
}

/// The exit status, with a word about a failure.
pub(super) fn exit(told: Told<u8>) -> u8 {
    match told {
        Ok(code) => code,
        Err(Failed::Config(words)) => {
            complain(words);
            EXIT_CONFIG
        }
        Err(Failed::Input(words)) => {
            complain(words);
            EXIT_USAGE
        }
    }
}

/// Loads a configuration, builds what it means, and does something with it.
pub(super) fn with<T>(path: &Path, act: impl AsyncFnOnce(&Rehearsal) -> Told<T>) -> Told<T> {
    server::install_crypto();
    let config = load::load(path, &Environment::process());
    let config = config.map_err(|diagnostics| Failed::Config(diagnostics.render_text()))?;
    let unable = |error: &dyn fmt::Display| Failed::Input(format!("error: {error}"));
    let scratch = tempfile::Builder::new().prefix("ostia-").tempdir().map_err(|error| unable(&error))?;
    let runtime = server::runtime(Some(1)).map_err(|error| unable(&error))?;
    let told = runtime.block_on(async {
        let rehearsal = Rehearsal::new(config, scratch.path())?;
        act(&rehearsal).await
    });
    runtime.shutdown_background();
    told
}

/// A request from its parts.
pub(super) fn trial(
    method: &str,
    url: &str,
    source: IpAddr,
    at: SystemTime,
    fields: Vec<(String, String)>,
) -> Told<Trial> {
    let bad = |why| Failed::input(format!("the URL `{url}`"), why);
    let (scheme, rest) =
        url.split_once("://").ok_or_else(|| bad("it begins with `https://` or `http://`"))?;
    let is_https = match scheme {
        "https" => true,
        "http" => false,
        _ => return Err(bad("it begins with `https://` or `http://`")),
    };
    let rest = rest.split('#').next().unwrap_or_default();
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, target) = rest.split_at(end);
    if authority.is_empty() || authority.contains('@') {
        return Err(bad("it needs a host, and no user"));
    }
    let slash = if target.starts_with('/') { "" } else { "/" };
    Ok(Trial {
        method: method.to_owned(),
        is_https,
        authority: authority.to_owned(),
        target: format!("{slash}{target}"),
        fields,
        source,
        at,
    })
}

/// A time as an argument.
pub(super) fn time(text: &str) -> Result<SystemTime, String> {
    let time: jiff::Timestamp =
        text.parse().map_err(|_| "a time is written as `2026-11-22T08:00:00Z`".to_owned())?;
    Ok(SystemTime::from(time))
}

/// A field as an argument.
pub(super) fn field(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("a field is written as `Name: value`")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

/// Somebody who is assumed, as files have it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenIdentity {
    provider: Option<String>,
    subject: Option<String>,
    #[serde(default)]
    scopes: Vec<String>,
    credential: Option<Credential>,
    #[serde(default)]
    claims: Map<String, Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Credential {
    Session,
    Bearer,
}

impl WrittenIdentity {
    pub(super) fn assumed(self) -> Assumed {
        let named = self.claims.get("sub").and_then(Value::as_str).map(str::to_owned);
        Assumed {
            provider: self.provider,
            subject: self.subject.or(named).unwrap_or_else(|| "somebody".to_owned()),
            scopes: self.scopes,
            by_token: self.credential.map(|credential| credential == Credential::Bearer),
            claims: self.claims,
        }
    }
}

/// An identity of a file.
pub(super) fn identity_from(file: &Path) -> Told<Assumed> {
    let name = file.display();
    let written: WrittenIdentity = document_of(file)?;
    if written.subject.is_none() && written.claims.is_empty() {
        return Err(Failed::input(name, "it says nothing: `subject`, `claims`"));
    }
    Ok(written.assumed())
}

/// A file in YAML or JSON as a type.
pub(super) fn document_of<T: for<'de> Deserialize<'de>>(file: &Path) -> Told<T> {
    let name = file.display().to_string();
    let text = text_of(file)?;
    let json = document::to_json(&name, &text).map_err(|found| Failed::Input(found.render_text()))?;
    serde_json::from_value(json).map_err(|error| Failed::input(name, error))
}

/// A token of a file; `-` is standard input.
pub(super) fn read_token(file: &Path) -> Told<String> {
    let token = text_of(file)?.trim().to_owned();
    if token.is_empty() { Err(Failed::input(file.display(), "there is no token in it")) } else { Ok(token) }
}

fn text_of(file: &Path) -> Told<String> {
    let refused = |error: std::io::Error| Failed::input(file.display(), error);
    let mut text = String::new();
    if file == Path::new("-") {
        std::io::stdin().take(MAX_BYTES).read_to_string(&mut text).map_err(refused)?;
    } else {
        let opened = std::fs::File::open(file).map_err(refused)?;
        opened.take(MAX_BYTES).read_to_string(&mut text).map_err(refused)?;
    }
    Ok(text)
}
