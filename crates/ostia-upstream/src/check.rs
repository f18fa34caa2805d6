//! One health check of one server: what is asked, and what counts as an answer.

use ostia_config::upstream::HealthCheck as Section;
use pingora_error::{Error, ErrorType};
use pingora_http::RequestHeader;
use pingora_load_balancing::Backend;
use pingora_load_balancing::health_check::{HealthCheck, HttpHealthCheck, TcpHealthCheck};
use tokio::time::timeout;

use crate::server::Server;

/// A check that can be repeated.
pub(crate) struct Check {
    ask: Box<dyn HealthCheck + Send + Sync>,
    target: Backend,
}

impl Check {
    /// # Errors
    /// When `path` or `host` cannot stand in a request.
    pub(crate) fn compile(section: &Section, server: &Server) -> pingora_error::Result<Self> {
        let target = Backend::new(&server.address.to_string())?;
        let ask: Box<dyn HealthCheck + Send + Sync> = match &section.path {
            None => Box::new(tcp(section)),
            Some(path) => Box::new(http(section, path, server)?),
        };
        Ok(Self { ask, target })
    }

    /// Asks once; the whole exchange, its body included, within `timeout`.
    pub(crate) async fn run(&self, section: &Section) -> Result<(), String> {
        match timeout(section.timeout, self.ask.check(&self.target)).await {
            Ok(outcome) => outcome.map_err(|error| reason(&error)),
            Err(_) => Err("no answer in time".to_owned()),
        }
    }
}

fn tcp(section: &Section) -> TcpHealthCheck {
    let mut check = TcpHealthCheck::default();
    check.peer_template.options.connection_timeout = Some(section.timeout);
    check
}

fn http(section: &Section, path: &str, server: &Server) -> pingora_error::Result<HttpHealthCheck> {
    let host = section.host.clone().unwrap_or_else(|| server.address.to_string());
    // Its own constructor panics on a host that is no field value.
    let mut check = HttpHealthCheck::new("localhost", false);
    check.req = RequestHeader::build("GET", path.as_bytes(), Some(2))?;
    check.req.insert_header("Host", host)?;
    check.req.insert_header("User-Agent", "ostia-health-check")?;
    check.peer_template.options.connection_timeout = Some(section.timeout);
    check.peer_template.options.read_timeout = Some(section.timeout);
    let expect = section.expect.clone();
    check.validator = Some(Box::new(move |answer| {
        let status = answer.status.as_u16();
        if expect.contains(&status) {
            return Ok(());
        }
        Error::e_explain(ErrorType::CustomCode("unexpected status", status), "during a health check")
    }));
    Ok(check)
}

/// Without addresses, which the log line has already.
fn reason(error: &Error) -> String {
    match error.etype() {
        ErrorType::CustomCode(_, status) => format!("status {status}"),
        other => other.as_str().to_owned(),
    }
}
