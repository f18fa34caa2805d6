//! Whether the caller holds what the token is bound to: the key of its DPoP proofs (RFC 9449), the client certificate of
//! the connection (RFC 8705). Asked on every request, for a token that was seen before too.

use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{HeaderName, HeaderValue, StatusCode};
use ostia_identity::{Confirmation, DpopExpected};
use ostia_oidc::resource_server::challenge::Complaint;
use ostia_oidc::resource_server::dpop::ProofRefused;

use crate::answer::{Answer, Refusal};
use crate::challenge;
use crate::exchange::Exchange;
use crate::proxy::Front;
use crate::snapshot::RunningProvider;
use crate::stage::bearer::Presented;
use crate::stage::receive::Arrived;

/// The field of the proof.
const DPOP: &str = "dpop";
/// The field of our nonce.
const DPOP_NONCE: &str = "dpop-nonce";
/// Clocks differ by this much even where the configuration grants nothing.
const LEAST_WINDOW: Duration = Duration::from_secs(5);

/// A request with a token, and the provider that the token is of.
#[derive(Clone, Copy)]
pub(crate) struct Showing<'a> {
    pub(crate) front: &'a Front,
    pub(crate) running: &'a RunningProvider,
    pub(crate) arrived: &'a Arrived<'a>,
    pub(crate) exchange: &'a Exchange,
    pub(crate) presented: Presented<'a>,
}

impl Showing<'_> {
    /// Lets the holder pass.
    ///
    /// # Errors
    /// The answer to somebody who only has the token, or to a token that came with a proof and is bound to no key.
    pub(crate) fn confirm(self, bound: Option<&Confirmation>) -> Result<(), Answer> {
        if let Some(certificate) = bound.and_then(|bound| bound.certificate)
            && self.arrived.client_certificate.as_ref().map(|shown| shown.thumbprint) != Some(certificate)
        {
            self.count("certificate_differs");
            let complaint = Complaint::InvalidToken;
            return Err(challenge::refuse_token(
                self.arrived,
                self.exchange,
                complaint,
                "certificate_differs",
            ));
        }
        let thumbprint = bound.and_then(|bound| bound.key_thumbprint.as_deref());
        match (thumbprint, self.presented.by_dpop) {
            (None, false) => Ok(()),
            (None, true) => Err(self.refuse(Complaint::InvalidToken, "token_not_bound")),
            // A stolen token without its key is worth nothing (RFC 9449 section 7.2).
            (Some(_), false) => Err(self.refuse(Complaint::InvalidToken, "proof_missing")),
            (Some(thumbprint), true) => {
                let mut fields = self.arrived.request.headers.get_all(DPOP).iter();
                let (Some(proof), None) = (fields.next(), fields.next()) else {
                    return Err(self.refuse(Complaint::InvalidDpopProof, "dpop_not_one_proof"));
                };
                self.check_proof(thumbprint, proof.to_str().unwrap_or_default())
            }
        }
    }

    fn check_proof(self, thumbprint: &str, proof: &str) -> Result<(), Answer> {
        let (section, now) = (&self.running.section, self.exchange.now);
        let expected = DpopExpected {
            method: self.arrived.request.method.as_str(),
            target: &self.arrived.address(),
            access_token: self.presented.token,
            key_thumbprint: thumbprint,
            algorithms: self.running.provider.algorithms(),
            window: section.clock_skew.max(LEAST_WINDOW),
        };
        let guard = self.front.gateway.dpop();
        let Err(refused) = guard.check(proof, &expected, section.dpop_nonce, now) else { return Ok(()) };
        let answer = match refused {
            ProofRefused::MemoryFull => self.cannot_tell(refused.slug()),
            ProofRefused::NonceWanted => self.refuse(Complaint::UseDpopNonce, refused.slug()),
            _ => self.refuse(Complaint::InvalidDpopProof, refused.slug()),
        };
        Err(match HeaderValue::from_str(&guard.nonce(now)) {
            Ok(nonce) if section.dpop_nonce => answer.with(HeaderName::from_static(DPOP_NONCE), nonce),
            _ => answer,
        })
    }

    fn refuse(self, complaint: Complaint, reason: &'static str) -> Answer {
        self.count(reason);
        challenge::refuse_possession(self.running, self.arrived, self.exchange, complaint, reason)
    }

    fn cannot_tell(self, reason: &'static str) -> Answer {
        self.count(reason);
        let title = "More proofs came than can be told apart";
        let refusal = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, reason, title);
        let (pages, id) = (&self.exchange.snapshot.pages, self.exchange.id.as_str());
        Answer::refuse(&refusal, self.arrived.reader(), pages, id)
            .with(RETRY_AFTER, challenge::retry_after(Duration::from_secs(10)))
    }

    fn count(self, reason: &'static str) {
        self.front.gateway.metrics().token_refused(&self.running.section.name, reason);
    }
}
