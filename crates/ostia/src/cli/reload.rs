//! `ostia reload`: swap a running Ostia to its configuration file.

use serde_json::{Value, json};

use super::EXIT_OK;
use super::call::{Target, body_of};
use super::terminal::say;

pub(super) fn run(target: &Target) -> u8 {
    match body_of(target.post("/reload", &json!({}))) {
        Ok(body) => {
            let hash = body.get("hash").and_then(Value::as_str).unwrap_or_default();
            say(format!("configuration reloaded (hash {})", hash.get(..12).unwrap_or(hash)));
            EXIT_OK
        }
        Err(code) => code,
    }
}
