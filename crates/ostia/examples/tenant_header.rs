//! Ostia with an extension of one's own: tells the upstream which tenant a caller belongs to.

use http::{HeaderName, HeaderValue, StatusCode};
use ostia::extension::{Configured, Edits, Extension, RequestView, ResponseView, Verdict};

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    header: String,
}

struct TenantHeader(HeaderName);

impl Configured for TenantHeader {
    const NAME: &'static str = "tenant-header";
    type Config = Config;

    fn configured(config: Config) -> Result<Self, String> {
        HeaderName::try_from(&config.header)
            .map(Self)
            .map_err(|_| format!("`{}` is no field name", config.header))
    }
}

impl Extension for TenantHeader {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn fields(&self) -> Vec<HeaderName> {
        vec![self.0.clone()]
    }

    fn on_authorized(&self, request: &RequestView<'_>, edits: &mut Edits) -> Verdict {
        let Some(who) = request.identity() else { return Verdict::Continue };
        let tenant = who.claims.string("tenant").and_then(|tenant| HeaderValue::from_str(tenant).ok());
        let Some(tenant) = tenant else { return Verdict::Refuse(StatusCode::FORBIDDEN) };
        edits.set(self.0.clone(), tenant);
        Verdict::Continue
    }

    fn on_response(&self, request: &RequestView<'_>, _: &ResponseView<'_>, edits: &mut Edits) {
        if request.identity().is_some() {
            edits.set(HeaderName::from_static("x-served-for"), HeaderValue::from_static("a tenant"));
        }
    }
}

fn main() -> Result<(), ostia::RunFailed> {
    let file = std::env::args().nth(1).unwrap_or_else(|| "/etc/ostia/ostia.yaml".to_owned());
    ostia::Server::builder(file).offer::<TenantHeader>().run()
}
