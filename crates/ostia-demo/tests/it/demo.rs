//! The demo without its proxy.

use std::path::Path;

use ostia_demo::demo::{Demo, Options, Tls, token};

use crate::relying_party::decode;

#[tokio::test]
async fn the_configuration_names_what_runs() {
    let demo = Demo::start(Options::anywhere(Path::new("/tmp/demo folder"))).await.unwrap();
    let parts = demo.parts();
    let yaml = demo.config_yaml();
    let expected = [
        format!("issuer: \"{}\"", demo.provider().issuer()),
        format!("redirect_uri: \"{}/.ostia/callback\"", parts.base_url),
        format!("servers: [\"{}\", \"{}\"]", demo.upstreams()[0].address(), demo.upstreams()[1].address()),
        format!("admin: {{ bind: \"{}\" }}", parts.admin),
        "runtime: { state_dir: \"/tmp/demo folder/state\" }".to_owned(),
    ];
    for line in expected {
        assert!(yaml.contains(&line), "{line} in\n{yaml}");
    }
    assert!(!yaml.contains("tls:"));
    let screen = demo.screen(Path::new("/tmp/demo folder/ostia.yaml"));
    assert!(screen.contains(&parts.base_url) && !screen.contains(&parts.client_secret));
    demo.stop().await;
}

#[tokio::test]
async fn with_tls_the_configuration_has_the_certificate() {
    let tls = Tls {
        cert_file: "/tmp/x/cert.pem".into(),
        key_file: "/tmp/x/key.pem".into(),
        certificate: rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap().cert.pem(),
    };
    let demo = Demo::start(Options::anywhere(Path::new("/tmp/x")).with_tls(tls)).await.unwrap();
    assert!(demo.base_url().starts_with("https://localhost:"));
    assert!(
        demo.config_yaml().contains("- { cert_file: \"/tmp/x/cert.pem\", key_file: \"/tmp/x/key.pem\" }")
    );
}

#[tokio::test]
async fn the_machine_fetches_a_token_for_the_api() {
    let demo = Demo::start(Options::anywhere(Path::new("/tmp/x"))).await.unwrap();
    let (_, claims) = decode(&token(demo.provider().issuer()).await.unwrap());
    assert_eq!(claims["aud"], demo.parts().audience.as_str());
    assert_eq!((&claims["sub"], &claims["scope"]), (&"demo-machine".into(), &"orders.read".into()));
    let issuer = demo.provider().issuer().to_owned();
    demo.stop().await;
    assert!(token(&issuer).await.is_err());
}
