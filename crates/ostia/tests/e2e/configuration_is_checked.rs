//! O1, P1: an invalid configuration is refused with every error in one run, and a sound one passes.

use std::path::Path;
use std::process::{Command, Output};

use crate::world::{BINARY, World};

fn check(folder: &Path, yaml: &str) -> Output {
    let file = folder.join("ostia.yaml");
    std::fs::write(&file, yaml).unwrap();
    Command::new(BINARY).arg("check").arg("-c").arg(&file).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Ten lines that protect an application.
const TEN_LINES: &str = "version: 1
provider:
  issuer: https://login.example.com
  client_id: ostia
  client_secret_file: oidc-client-secret
routes:
  - host: app.example.com
    allow: authenticated
    upstream: 127.0.0.1:8080
";

#[tokio::test]
async fn ten_lines_protect_an_application() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("oidc-client-secret"), "a-secret-of-some-length\n").unwrap();
    let output = check(folder.path(), TEN_LINES);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
}

#[tokio::test]
async fn the_configuration_of_these_tests_is_sound() {
    let world = World::new().await;
    let output = check(world.shared.path(), &format!("version: 1\n{}", world.config()));
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(!said(&output).contains(world.provider.client_secret()), "no secret is shown");
}

#[tokio::test]
async fn a_route_without_allow_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("oidc-client-secret"), "a-secret-of-some-length\n").unwrap();
    let output = check(folder.path(), &TEN_LINES.replace("    allow: authenticated\n", ""));
    assert_eq!(output.status.code(), Some(78), "{}", said(&output));
    assert!(said(&output).contains("allow"), "{}", said(&output));
}

#[tokio::test]
async fn all_errors_of_a_file_are_told_in_one_run_with_their_places() {
    let folder = tempfile::tempdir().unwrap();
    let yaml = "version: 1
provider:
  issuer: http://login.example.com
  client_id: ostia
  client_secret: a-secret-of-some-length
polices: {}
upstreams:
  app: { servers: [\"10.0.0.1:8080\"], balanse: round_robin }
routes:
  - host: app.example.com
    allow: stuff
    upstream: app
  - host: other.example.com
    allow: authenticated
    upstream: ap
  - host: third.example.com
    upstream: app
";
    let output = check(folder.path(), yaml);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(78), "{said}");
    for (what, line) in
        [("issuer", 3), ("polices", 6), ("balanse", 8), ("stuff", 11), ("ap", 15), ("allow", 16)]
    {
        assert!(said.contains(what), "{what} is not told:\n{said}");
        assert!(said.contains(&format!("ostia.yaml:{line}")), "no place for {what}, line {line}:\n{said}");
    }
    assert!(said.contains("balance"), "a slip is answered with the word that was meant:\n{said}");
    assert!(!said.contains("a-secret-of-some-length"), "no secret is shown:\n{said}");
}

#[tokio::test]
async fn a_key_that_is_not_built_yet_is_refused_and_not_ignored() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("oidc-client-secret"), "a-secret-of-some-length\n").unwrap();
    let output = check(folder.path(), &(TEN_LINES.to_owned() + "pages: { language: en }\n"));
    let said = said(&output);
    assert_eq!(output.status.code(), Some(78), "{said}");
    assert!(said.contains("not supported yet"), "{said}");
}

#[tokio::test]
async fn a_preset_is_printed_and_means_what_it_prints() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("oidc-client-secret"), "a-secret-of-some-length\n").unwrap();
    let run = |verb: &[&str]| Command::new(BINARY).args(verb).output().unwrap();
    let in_force = |keys: &str| {
        let file = folder.path().join("ostia.yaml");
        let yaml = TEN_LINES.replace("  client_id: ostia\n", &format!("  client_id: ostia\n{keys}"));
        std::fs::write(&file, yaml).unwrap();
        let shown = run(&["config", "show", "-c", file.to_str().unwrap()]);
        assert!(shown.status.success(), "{keys}{}", said(&shown));
        said(&shown)
    };
    for name in ["okta", "google", "cognito", "entra", "keycloak", "auth0", "gitlab", "dex", "generic"] {
        let printed = run(&["config", "preset", name]);
        assert!(printed.status.success(), "{name}");
        let keys: String = said(&printed).lines().map(|line| format!("  {line}\n")).collect();
        assert_eq!(in_force(&keys), in_force(&format!("  preset: {name}\n")), "{name}");
    }
    let unknown = run(&["config", "preset", "octa"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(said(&unknown).contains("keycloak"), "{}", said(&unknown));
}
