use std::fs;
use std::path::{Path, PathBuf};

use ostia_config::Secret;

use super::*;
use crate::realm::Realms;
use crate::record::{self, Kept};
use crate::{Session, Token};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name)
}

/// Sealed content as a node of this version writes it; `OSTIA_BLESS=1` writes the seeds anew.
fn well_formed() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let realms = Realms::new(&fixture::providers());
    let realm = realms.by_provider("corp").unwrap().id;
    let kept = Kept { claims: None, access_token: true };
    let encode = |session: &Session| record::encode(session, realm, kept).unwrap().to_vec();
    let mut many = fixture::session();
    let identity = Arc::make_mut(&mut many.identity);
    identity.claims.set("groups", vec!["staff".to_owned(); 200].into());
    let bound = Session { proof_key: Some(Secret::new([7; 32])), ..fixture::session() };
    let with_token = Session { access_token: Some(Token::new("a.b.c")), ..fixture::session() };
    let flow = |return_to: &str| crate::flow::seed(&realms, "corp", return_to);
    vec![
        ("sealed_session", "usual", encode(&fixture::session())),
        ("sealed_session", "many_groups", encode(&many)),
        ("sealed_session", "bound", encode(&bound)),
        ("sealed_session", "with_access_token", encode(&with_token)),
        ("sealed_flow", "short", flow("/")),
        ("sealed_flow", "deep_link", flow("/a%2Fb?x=%2B1")),
        ("sealed_flow", "elsewhere", flow("//evil.example/")),
    ]
}

#[test]
fn the_corpus_replays() {
    if std::env::var_os("OSTIA_BLESS").is_some() {
        for (target, name, bytes) in well_formed() {
            fs::create_dir_all(folder(target)).unwrap();
            fs::write(folder(target).join(name), bytes).unwrap();
        }
    }
    ostia_testkit::replay(env!("CARGO_MANIFEST_DIR"), &TARGETS, 10);
}

#[test]
fn what_this_version_writes_is_read_by_the_targets() {
    let realms = Realms::new(&fixture::providers());
    for (target, name, bytes) in well_formed() {
        if target == "sealed_session" {
            assert!(record::decode(&bytes, &realms).is_ok(), "{name}");
        }
    }
}
