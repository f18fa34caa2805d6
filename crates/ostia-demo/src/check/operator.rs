//! The operator's side: metrics.

use url::Url;

use super::visit::{Reason, Visit, expect, expect_status};

/// What the steps before must have left.
const FAMILIES: [&str; 3] =
    ["ostia_http_requests_total", "ostia_oidc_logins_total", "ostia_upstream_server_healthy"];

pub(super) async fn metrics_are_told(visit: &mut Visit<'_>) -> Result<String, Reason> {
    let url = Url::parse(&format!("{}/metrics", visit.check.admin_url))?;
    let answer = visit.stranger().send(crate::browser::Outgoing::new("GET", url)).await?;
    expect_status("/metrics", &answer, 200)?;
    let text = answer.text();
    for family in FAMILIES {
        expect(text.contains(&format!("# TYPE {family} ")), || format!("{family} is missing"))?;
    }
    let secrets = visit.ana.cookies.of_host("localhost").map(|(_, value)| value);
    let told = secrets.filter(|value| value.len() > 20).any(|value| text.contains(value));
    expect(!told, || "a cookie stands in the metrics".to_owned())?;
    let series = text.lines().filter(|line| line.starts_with("ostia_")).count();
    Ok(format!("{series} series"))
}
