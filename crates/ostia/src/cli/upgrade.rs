//! `ostia upgrade`: hand a running Ostia over to a new process of its binary.

use serde_json::{Value, json};

use super::EXIT_OK;
use super::call::{Target, body_of};
use super::terminal::say;

pub(super) fn run(target: &Target) -> u8 {
    match body_of(target.post("/upgrade", &json!({}))) {
        Ok(body) => {
            let successor = body.get("successor").and_then(Value::as_u64).unwrap_or_default();
            say(format!("process {successor} serves now; the one before finishes what it has, and leaves"));
            EXIT_OK
        }
        Err(code) => code,
    }
}
