//! `/.ostia/verify`: the same decision for proxies that ask before they forward by themselves.

mod questions;
mod real;

use ostia_testkit::{Ostia, raw};

use crate::world::{POLICIES, ROUTES, World};

const LISTENERS: &str = "listeners:\n  http: { bind: \"<listen>\", trusted_proxies: [127.0.0.1/32] }\n";

async fn node_of(world: &World, listeners: &str) -> Ostia {
    let parts = [listeners, &world.provider_section(), POLICIES, &world.upstream_section(), ROUTES];
    world.start(&parts.concat()).await
}

async fn ask(port: u16, line: &str, fields: &[(&str, &str)]) -> raw::Answer {
    let fields: String = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    raw::send(port, format!("{line}\r\nHost: app.localhost\r\n{fields}\r\n")).await.unwrap()
}
