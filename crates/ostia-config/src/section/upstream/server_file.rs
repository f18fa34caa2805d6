//! A file of `servers_file`: the same list as under `servers`, or an address a line.

use std::path::Path;

use crate::environment::Environment;
use crate::findings::Findings;
use crate::source::Source;
use crate::tree::{Node, Value, join_index};
use crate::upstream::{Server, ServerAddress};
use crate::value::Context;

/// The text is no list of servers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ListRefused(String);

/// Reads a list of servers. Names are not resolved: a file that changes names addresses.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn server_list(text: &str) -> Result<Vec<Server>, ListRefused> {
    let lines = text.lines().map(|line| line.split_once(" #").map_or(line, |(line, _)| line).trim());
    let mut lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#')).peekable();
    match lines.peek() {
        None => Ok(Vec::new()),
        Some(first) if first.starts_with(['-', '[']) => of_yaml(text),
        Some(_) => lines.map(of_line).collect(),
    }
}

fn of_line(line: &str) -> Result<Server, ListRefused> {
    let address: Result<ServerAddress, _> = line.parse();
    address.map(Server::at).map_err(|refused| ListRefused(format!("`{}`: {refused}", shown(line))))
}

/// As much of a line as belongs into a message.
fn shown(line: &str) -> String {
    line.chars().take(80).collect()
}

fn of_yaml(text: &str) -> Result<Vec<Server>, ListRefused> {
    let (source, findings, environment) =
        (Source::new("servers", text), Findings::default(), Environment::empty());
    let servers = {
        let node = crate::tree::read::read(&source, None, &findings);
        let cx = Context {
            source: &source,
            findings: &findings,
            environment: &environment,
            base_dir: Path::new(""),
        };
        node.as_ref().map(|node| items(&cx, node)).unwrap_or_default()
    };
    let told = findings.finish(&source);
    match told.errors().next() {
        Some(error) => Err(ListRefused(error.message.clone())),
        None => Ok(servers),
    }
}

fn items(cx: &Context<'_>, node: &Node) -> Vec<Server> {
    let Value::List(items) = &node.value else {
        cx.wrong_type(node, &crate::describe::Shape::Several(&crate::describe::Shape::Unread), "servers");
        return Vec::new();
    };
    let mut servers: Vec<Server> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let Some(server) = super::server::read(cx, item, &join_index("servers", index), &[]) else {
            continue;
        };
        if !servers.iter().any(|other| other.address == server.address) {
            servers.push(server);
        }
    }
    servers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, u16, bool)> {
        let servers = server_list(text).unwrap();
        servers.iter().map(|server| (server.address.to_string(), server.weight, server.backup)).collect()
    }

    #[test]
    fn a_list_is_yaml_or_an_address_a_line() {
        let two = [("10.0.0.1:80".to_owned(), 1, false), ("unix:/run/a.sock".to_owned(), 1, false)];
        assert_eq!(read("# ours\n10.0.0.1:80\n\nunix:/run/a.sock # the other\n"), two);
        assert_eq!(read("- 10.0.0.1:80\n- unix:/run/a.sock\n"), two);
        let weighted = [("10.0.0.1:80".to_owned(), 7, false), ("10.0.0.2:80".to_owned(), 1, true)];
        assert_eq!(
            read("[{ address: 10.0.0.1:80, weight: 7 }, { address: 10.0.0.2:80, backup: true }]"),
            weighted
        );
        assert_eq!(read("\n# nobody\n"), []);
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for text in [
            "10.0.0.1",
            "10.0.0.1:0x50",
            "name:80",
            "- name.internal:80",
            "- { adress: 10.0.0.1:80 }",
            "- [",
            "- { weight: 1 }",
        ] {
            assert!(server_list(text).is_err(), "{text}");
        }
    }
}
