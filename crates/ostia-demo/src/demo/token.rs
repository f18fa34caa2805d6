//! `ostia demo token`: an access token for the machine of a demo that runs, in this process or in another.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use url::{ParseError, Url};

use crate::browser::{ExchangeFailed, Outgoing, Trust, exchange};
use crate::provider::Client;

/// Where the demo's provider listens unless something else does.
pub const PROVIDER_PORT: u16 = 9911;

/// The machine's registration. Its secret is public: it opens nothing but a demo on this machine.
const MACHINE: (&str, &str) = ("demo-machine", "demo-machine-secret");

pub(super) fn machine() -> Client {
    Client::machine(MACHINE.0, MACHINE.1, &["orders.read"])
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenRefused {
    /// The issuer is not a URL.
    #[error("the issuer is not a URL")]
    Issuer(#[from] ParseError),
    /// The provider does not answer.
    #[error("the demo's provider does not answer: is `ostia demo` running?")]
    Unreachable(#[from] ExchangeFailed),
    /// The provider refuses.
    #[error("the demo's provider refuses with status {0}")]
    Refused(u16),
}

/// Fetches an access token by client credentials, as a machine would.
///
/// # Errors
/// When the provider is not there or refuses.
pub async fn token(issuer: &str) -> Result<String, TokenRefused> {
    let url = Url::parse(&format!("{issuer}/token"))?;
    let credentials = STANDARD.encode(format!("{}:{}", MACHINE.0, MACHINE.1));
    let request = Outgoing::new("POST", url)
        .header("Authorization", &format!("Basic {credentials}"))
        .form("grant_type=client_credentials&scope=orders.read".to_owned());
    let answer = exchange(&request, &Trust::none()).await?;
    let token = answer.json().get("access_token").and_then(|token| token.as_str()).map(str::to_owned);
    token.filter(|_| answer.status == 200).ok_or(TokenRefused::Refused(answer.status))
}

/// The issuer of a demo that runs on this machine: the first provider of ours from [`PROVIDER_PORT`] on.
pub async fn find_issuer() -> Option<String> {
    for port in PROVIDER_PORT..PROVIDER_PORT.saturating_add(10) {
        let issuer = format!("http://127.0.0.1:{port}");
        let url = Url::parse(&format!("{issuer}/.well-known/openid-configuration")).ok()?;
        let Ok(answer) = exchange(&Outgoing::new("GET", url), &Trust::none()).await else { continue };
        if answer.json().get("issuer").and_then(|found| found.as_str()) == Some(&issuer) {
            return Some(issuer);
        }
    }
    None
}
