//! A text with places for what a request says: `{claims.role}`, `{uri}`.

use std::fmt;

use crate::describe::Grammar;
use crate::policy::ClaimPath;
use crate::value::{FromText, Wrong};

#[cfg(test)]
mod tests;

/// A text in which `{name}` stands for something of the request; `{{` and `}}` are braces.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    text: String,
    pieces: Vec<Piece>,
}

/// A part of a template.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    /// As it stands: visible ASCII and spaces.
    Text(String),
    /// Something of the request.
    Variable(Variable),
}

/// What a request says, by name.
#[derive(Clone, Debug, PartialEq)]
pub enum Variable {
    /// `claims.PATH`: a claim of the caller; `claims.sub` and `claims.iss` always exist.
    Claim(ClaimPath),
    /// `uri`: path and query, byte for byte.
    Uri,
    /// `path`: without the query, byte for byte.
    Path,
    /// `query`: what follows the first `?`; empty without one.
    Query,
    /// `host`: without the port, in lower case.
    Host,
    /// `scheme`: `http` or `https`, as the client came.
    Scheme,
    /// `method`.
    Method,
    /// `client`: its address.
    Client,
    /// `request_id`.
    RequestId,
    /// `route`: its name.
    Route,
    /// `provider`: the caller's, by its name in the configuration.
    Provider,
    /// `client_certificate.FACT`: what the certificate of the connection says.
    ClientCertificate(CertificateFact),
}

/// A fact of a client certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateFact {
    /// `subject`: whom it names, as RFC 4514 writes it.
    Subject,
    /// `issuer`: who signed it.
    Issuer,
    /// `names`: the subject alternative names, separated by commas.
    Names,
    /// `serial`: in lower-case hex.
    Serial,
    /// `sha256`: of the DER, in lower-case hex.
    Sha256,
    /// `der`: the certificate itself, in base64, as `Client-Cert` wants it between colons (RFC 9440 section 2.2).
    Der,
}

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateRefused {
    /// Longer than 4096 bytes, or empty.
    #[error("is empty or longer than 4096 bytes")]
    Length,
    /// A byte that is neither visible ASCII nor a space, or a space at an end.
    #[error("has something other than visible ASCII and inner spaces")]
    NotPlain,
    /// A brace without its partner.
    #[error("has a brace without its partner")]
    Brace,
    /// A name that stands for nothing.
    #[error("has `{{{0}}}`, which stands for nothing")]
    Unknown(String),
}

const MOST_BYTES: usize = 4096;
/// The names that stand alone.
const NAMES: [&str; 10] =
    ["uri", "path", "query", "host", "scheme", "method", "client", "request_id", "route", "provider"];
/// What stands after `client_certificate.`.
const FACTS: [(&str, CertificateFact); 6] = [
    ("subject", CertificateFact::Subject),
    ("issuer", CertificateFact::Issuer),
    ("names", CertificateFact::Names),
    ("serial", CertificateFact::Serial),
    ("sha256", CertificateFact::Sha256),
    ("der", CertificateFact::Der),
];

impl Template {
    /// Reads a template. Never allocates more than a few times the text.
    ///
    /// # Errors
    /// [`TemplateRefused`] says what stands where it must not.
    pub fn parse(text: &str) -> Result<Self, TemplateRefused> {
        if text.is_empty() || text.len() > MOST_BYTES {
            return Err(TemplateRefused::Length);
        }
        let is_plain = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
        if !text.bytes().all(is_plain) || text.starts_with(' ') || text.ends_with(' ') {
            return Err(TemplateRefused::NotPlain);
        }
        Ok(Self { text: text.to_owned(), pieces: pieces(text)? })
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its parts in order; two texts never follow each other.
    #[must_use]
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// What it takes from the request.
    pub fn variables(&self) -> impl Iterator<Item = &Variable> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Variable(variable) => Some(variable),
            Piece::Text(_) => None,
        })
    }

    /// The whole text, when it takes nothing from the request.
    #[must_use]
    pub fn literal(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// Whether it says something about the caller.
    #[must_use]
    pub fn tells_of_the_caller(&self) -> bool {
        self.variables().any(|variable| {
            matches!(variable, Variable::Claim(_) | Variable::Provider | Variable::ClientCertificate(_))
        })
    }

    /// What stands before the first variable.
    pub(crate) fn beginning(&self) -> &str {
        match self.pieces.first() {
            Some(Piece::Text(text)) => text,
            _ => "",
        }
    }
}

fn pieces(text: &str) -> Result<Vec<Piece>, TemplateRefused> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, from) = rest.split_at(at);
        plain.push_str(before);
        if let Some(after) = from.strip_prefix("{{").or_else(|| from.strip_prefix("}}")) {
            plain.push_str(from.get(..1).unwrap_or_default());
            rest = after;
            continue;
        }
        let inner = from.strip_prefix('{').ok_or(TemplateRefused::Brace)?;
        let (name, after) = inner.split_once('}').ok_or(TemplateRefused::Brace)?;
        if !plain.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut plain)));
        }
        pieces.push(Piece::Variable(variable(name)?));
        rest = after;
    }
    plain.push_str(rest);
    if !plain.is_empty() {
        pieces.push(Piece::Text(plain));
    }
    Ok(pieces)
}

fn variable(name: &str) -> Result<Variable, TemplateRefused> {
    let unknown = || TemplateRefused::Unknown(name.chars().take(60).collect());
    if let Some(claim) = name.strip_prefix("claims.") {
        return ClaimPath::parse(claim).map(Variable::Claim).ok_or_else(unknown);
    }
    if let Some(fact) = name.strip_prefix("client_certificate.") {
        let known = FACTS.iter().find(|(name, _)| *name == fact);
        return known.map(|(_, fact)| Variable::ClientCertificate(*fact)).ok_or_else(unknown);
    }
    Ok(match name {
        "uri" => Variable::Uri,
        "path" => Variable::Path,
        "query" => Variable::Query,
        "host" => Variable::Host,
        "scheme" => Variable::Scheme,
        "method" => Variable::Method,
        "client" => Variable::Client,
        "request_id" => Variable::RequestId,
        "route" => Variable::Route,
        "provider" => Variable::Provider,
        _ => return Err(unknown()),
    })
}

impl FromText for Template {
    const GRAMMAR: Grammar = Grammar { name: "a text with `{variables}`", pattern: "^[ -~]+$" };

    fn from_text(text: &str) -> Result<Self, Wrong> {
        Self::parse(text).map_err(|refused| {
            let known = NAMES.map(|name| format!("`{{{name}}}`")).join(", ");
            let help = match refused {
                TemplateRefused::Unknown(ref name) if name.starts_with("client_certificate") => {
                    let facts = FACTS.map(|(name, _)| format!("`{{client_certificate.{name}}}`")).join(", ");
                    format!("known: {facts}")
                }
                TemplateRefused::Unknown(_) => {
                    format!("known: `{{claims.NAME}}`, `{{client_certificate.FACT}}`, {known}")
                }
                TemplateRefused::Brace => "write `{{` and `}}` for braces of the text".to_owned(),
                TemplateRefused::NotPlain => {
                    "anything else could end the field or the address early".to_owned()
                }
                TemplateRefused::Length => "write at least one character".to_owned(),
            };
            Wrong::new(refused.to_string()).help(help)
        })
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
