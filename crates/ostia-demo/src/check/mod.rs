//! `ostia demo --check`: a person and a machine go through the whole demo by themselves.
//!
//! It knows the proxy only from outside, as a browser, a script, a machine and Prometheus do.
//!
//! ```no_run
//! # async fn run(demo: &ostia_demo::demo::Demo) {
//! use ostia_demo::check::Check;
//!
//! match Check::of(demo).run().await {
//!     Ok(transcript) => println!("{transcript}"),
//!     Err(failed) => println!("{failed}"),
//! }
//! # }
//! ```

mod arrival;
mod machine;
mod operator;
mod parting;
mod rights;
mod socket;
mod transcript;
mod visit;

pub use transcript::{CheckFailed, Step, Transcript};

use crate::demo::Demo;
use crate::provider::RunningProvider;
use visit::Visit;

/// What is checked.
#[derive(Clone, Debug)]
pub struct Check<'a> {
    /// `http://localhost:8080`: the proxy.
    pub base_url: String,
    /// The provider that the proxy uses.
    pub provider: &'a RunningProvider,
    /// Who the proxy is there.
    pub client_id: String,
    /// What the proxy registered there.
    pub redirect_uri: String,
    /// `http://127.0.0.1:9910`: metrics of the proxy.
    pub admin_url: String,
    /// The proxy's self-signed certificate, with TLS.
    pub certificate: Option<String>,
}

impl<'a> Check<'a> {
    /// The check of a demo in front of which the proxy runs already.
    #[must_use]
    pub fn of(demo: &'a Demo) -> Self {
        let parts = demo.parts();
        Self {
            base_url: parts.base_url.clone(),
            provider: demo.provider(),
            client_id: parts.client_id.clone(),
            redirect_uri: parts.redirect_uri(),
            admin_url: format!("http://{}", parts.admin),
            certificate: parts.tls.as_ref().map(|tls| tls.certificate.clone()),
        }
    }

    /// Takes the twelve steps, each resting on those before.
    ///
    /// # Errors
    /// The first step that does not go as promised, with its reason and the steps before it.
    pub async fn run(&self) -> Result<Transcript, CheckFailed> {
        let mut steps = transcript::Steps::new(Visit::new(self).map_err(CheckFailed::before_the_first)?);
        steps.take("a stranger is led to the provider", arrival::stranger_is_led_to_the_provider).await?;
        steps.take("ana signs in, back to the very page", arrival::ana_signs_in).await?;
        steps.take("the application learns who came", arrival::application_learns_who_came).await?;
        steps.take("forged identity fields are removed", rights::forged_fields_are_removed).await?;
        steps.take("finance: ana may, bo may not", rights::finance_is_for_finance).await?;
        steps.take("a script gets 401, not a redirect", rights::script_is_told).await?;
        steps.take("a machine comes with a bearer token", machine::machine_is_served).await?;
        steps.take("the public part is open", rights::public_is_open).await?;
        steps.take("a WebSocket through the session", socket::socket_echoes).await?;
        steps.take("a session is refreshed once", parting::session_is_refreshed).await?;
        steps.take("Prometheus finds its metrics", operator::metrics_are_told).await?;
        steps.take("sign-out ends it, at both", parting::sign_out_ends_it).await?;
        Ok(steps.finish())
    }
}
