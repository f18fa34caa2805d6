//! The check fails, and says why, wherever there is no Ostia.

use std::path::Path;

use ostia_demo::check::Check;
use ostia_demo::demo::{Demo, Options};

#[tokio::test]
async fn without_a_proxy_the_first_step_fails() {
    let demo = Demo::start(Options::anywhere(Path::new("/tmp/x"))).await.unwrap();
    let failed = Check::of(&demo).run().await.unwrap_err();
    assert!(failed.transcript.steps.is_empty());
    assert!(failed.reason.contains("no connection to http://localhost:"), "{}", failed.reason);
}

#[tokio::test]
async fn an_application_without_protection_fails_the_first_step() {
    let demo = Demo::start(Options::anywhere(Path::new("/tmp/x"))).await.unwrap();
    let base_url = format!("http://{}", demo.upstreams()[0].address());
    let failed = Check { base_url, ..Check::of(&demo) }.run().await.unwrap_err();
    assert_eq!(failed.name, "a stranger is led to the provider");
    assert_eq!(failed.reason, "status 200 instead of a redirect");
}

#[tokio::test]
async fn a_certificate_that_cannot_be_read_is_told() {
    let demo = Demo::start(Options::anywhere(Path::new("/tmp/x"))).await.unwrap();
    let failed = Check { certificate: Some("no PEM".into()), ..Check::of(&demo) }.run().await.unwrap_err();
    assert_eq!(failed.reason, "the certificate is not PEM");
}
