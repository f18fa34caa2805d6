//! The interfaces that are asked for groups, as maps.

use serde_yaml::Mapping;

use super::{Map, duration, path};
use crate::provider::{GoogleDirectory, MicrosoftGraph};

pub(super) fn microsoft_graph(graph: &MicrosoftGraph) -> Mapping {
    Map::default().with("url", graph.url.as_str()).with("cache", duration(graph.cache)).0
}

pub(super) fn google_directory(directory: &GoogleDirectory) -> Mapping {
    Map::default()
        .with("service_account_file", path(&directory.service_account_file))
        .with("admin", directory.admin.as_str())
        .with("url", directory.url.as_str())
        .with("cache", duration(directory.cache))
        .0
}
