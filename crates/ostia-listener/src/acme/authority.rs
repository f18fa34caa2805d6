//! What is said to the authority: the account, an order, its challenges, the renewal window.

use std::time::{Duration, SystemTime};

use instant_acme::{
    Account, AuthorizationStatus, CertificateIdentifier, ChallengeType, ExternalAccountKey, Identifier,
    LetsEncrypt, NewAccount, NewOrder, Order, OrderStatus, RetryPolicy,
};
use ostia_config::listener::{Acme, AcmeChallenge};
use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use rustls::pki_types::CertificateDer;

use super::folder::{Answering, Folder};

/// How long the authority may take to look at challenges, and to issue.
const PATIENCE: RetryPolicy = RetryPolicy::new().timeout(Duration::from_secs(120));

/// Why there is no (new) certificate.
#[derive(Debug, thiserror::Error)]
pub enum AcmeRefused {
    /// The folder cannot be read or written. Fault of the operator.
    #[error("the folder of `acme` cannot be used: {0}")]
    Folder(#[from] std::io::Error),
    /// `external_account.hmac_key_file` holds no base64url. Fault of the operator.
    #[error("the key of `external_account` is not base64url")]
    ExternalAccount,
    /// The authority refused, or was not reached; it says why.
    #[error("the authority: {0}")]
    Authority(#[from] instant_acme::Error),
    /// The authority does not offer the challenge.
    #[error("the authority does not offer the challenge {0}")]
    NoChallenge(&'static str),
    /// The authority looked and did not find the answer: nobody leads it here, or something before us answers.
    #[error("the authority did not accept the answer to {challenge}: {detail}")]
    NotProved {
        /// The challenge.
        challenge: &'static str,
        /// What the authority says.
        detail: String,
    },
    /// A key or a request could not be made.
    #[error("the request for a certificate cannot be made: {0}")]
    Request(#[from] rcgen::Error),
    /// It took longer than five minutes.
    #[error("the authority did not issue in time")]
    Late,
}

impl AcmeRefused {
    /// The reason in logs.
    #[must_use]
    pub fn slug(&self) -> &'static str {
        match self {
            Self::Folder(_) => "folder",
            Self::ExternalAccount => "external_account",
            Self::Authority(_) => "authority",
            Self::NoChallenge(_) => "no_challenge",
            Self::NotProved { .. } => "not_proved",
            Self::Request(_) => "request",
            Self::Late => "late",
        }
    }
}

pub(super) fn directory(acme: &Acme) -> String {
    acme.directory
        .as_ref()
        .map_or_else(|| LetsEncrypt::Production.url().to_owned(), |url| url.as_str().to_owned())
}

/// The account of this folder; opened when there is none.
pub(super) async fn account(acme: &Acme, folder: &Folder) -> Result<Account, AcmeRefused> {
    let builder = match &acme.ca_file {
        Some(file) => Account::builder_with_root(file)?,
        None => Account::builder()?,
    };
    if let Some(credentials) = folder.account()? {
        return Ok(builder.from_credentials(credentials).await?);
    }
    let contact: Vec<&str> = acme.contact.iter().map(String::as_str).collect();
    let new = NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
    let external = match &acme.external_account {
        None => None,
        Some(external) => {
            let key = base64_simd::URL_SAFE_NO_PAD
                .decode_to_vec(external.hmac_key.reveal().trim_end_matches('='))
                .map_err(|_| AcmeRefused::ExternalAccount)?;
            Some(ExternalAccountKey::new(external.key_id.clone(), &key))
        }
    };
    let (account, credentials) = builder.create(&new, directory(acme), external.as_ref()).await?;
    folder.keep_account(&credentials)?;
    Ok(account)
}

/// Orders a certificate for a name and keeps it with its key. `before` is the one that it replaces.
pub(super) async fn order(
    account: &Account,
    folder: &Folder,
    name: &str,
    challenge: AcmeChallenge,
    before: Option<&CertificateDer<'_>>,
) -> Result<(), AcmeRefused> {
    let names = [Identifier::Dns(name.to_owned())];
    let replaced = before.and_then(|before| CertificateIdentifier::try_from(before).ok());
    let new = NewOrder::new(&names);
    let mut order = match replaced {
        // An authority without renewal windows, or one that knows nothing of what is replaced, refuses the word.
        Some(replaced) => match account.new_order(&NewOrder::new(&names).replaces(replaced)).await {
            Ok(order) => order,
            Err(_) => account.new_order(&new).await?,
        },
        None => account.new_order(&new).await?,
    };
    let answering = prove(&mut order, folder, name, challenge).await?;
    match order.poll_ready(&PATIENCE).await {
        Ok(OrderStatus::Ready | OrderStatus::Valid) => {}
        Ok(_) | Err(instant_acme::Error::Api(_)) => return Err(not_proved(&mut order, challenge).await),
        Err(error) => return Err(error.into()),
    }
    drop(answering);
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(vec![name.to_owned()])?;
    params.distinguished_name = DistinguishedName::new();
    order.finalize_csr(params.serialize_request(&key)?.der()).await?;
    let chain = order.poll_certificate(&PATIENCE).await?;
    Ok(folder.keep_pair(name, &key.serialize_pem(), &chain)?)
}

/// Puts the answers where they are looked for, then asks the authority to look.
async fn prove(
    order: &mut Order,
    folder: &Folder,
    name: &str,
    challenge: AcmeChallenge,
) -> Result<Vec<Answering>, AcmeRefused> {
    let mut answering = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        let mut asked =
            authorization.challenge(kind(challenge)).ok_or(AcmeRefused::NoChallenge(word(challenge)))?;
        let key = asked.key_authorization();
        answering.push(match challenge {
            AcmeChallenge::Http01 => folder.answer_http(&asked.token, key.as_str())?,
            AcmeChallenge::TlsAlpn01 => folder.answer_alpn(name, key.digest().as_ref())?,
        });
        asked.set_ready().await?;
    }
    Ok(answering)
}

async fn not_proved(order: &mut Order, challenge: AcmeChallenge) -> AcmeRefused {
    let mut detail = None;
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        let _ = authorization.refresh().await;
        let problem = authorization.challenges.iter().find_map(|challenge| challenge.error.as_ref());
        detail = detail.or_else(|| problem.map(ToString::to_string));
    }
    AcmeRefused::NotProved {
        challenge: word(challenge),
        detail: detail.unwrap_or_else(|| "no reason given".into()),
    }
}

fn kind(challenge: AcmeChallenge) -> ChallengeType {
    match challenge {
        AcmeChallenge::Http01 => ChallengeType::Http01,
        AcmeChallenge::TlsAlpn01 => ChallengeType::TlsAlpn01,
    }
}

fn word(challenge: AcmeChallenge) -> &'static str {
    match challenge {
        AcmeChallenge::Http01 => "http-01",
        AcmeChallenge::TlsAlpn01 => "tls-alpn-01",
    }
}

/// When the authority wants a certificate to be renewed (RFC 9773), and after how long it wants to be asked again.
/// `None` from one that names no window.
pub(super) async fn renewal_window(
    account: &Account,
    certificate: &CertificateDer<'_>,
) -> Option<((SystemTime, SystemTime), Duration)> {
    let identifier = CertificateIdentifier::try_from(certificate).ok()?;
    let (info, again) = account.renewal_info(&identifier).await.ok()?;
    let window = info.suggested_window;
    Some(((window.start.into(), window.end.into()), again))
}
