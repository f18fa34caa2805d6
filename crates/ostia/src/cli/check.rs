//! `ostia check`: every error of a configuration in one run.

use clap::ValueEnum;
use ostia_config::load::{self, Environment};

use super::terminal::{complain, say};
use super::{ConfigFile, EXIT_CONFIG, EXIT_OK};

/// Loads and checks a configuration as `run` would, and builds everything that needs no network.
#[derive(Debug, clap::Args)]
pub(super) struct Check {
    #[command(flatten)]
    file: ConfigFile,
    /// How errors are written.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// How diagnostics are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// With a snippet and a caret.
    Human,
    /// One JSON array.
    Json,
}

impl Check {
    pub(super) fn run(&self) -> u8 {
        let checked = load::check_file(&self.file.path, &Environment::process());
        match self.format {
            Format::Human if !checked.diagnostics.is_empty() => complain(checked.diagnostics.render_text()),
            Format::Human => {}
            Format::Json => say(checked.diagnostics.render_json()),
        }
        let Some(config) = checked.config else { return EXIT_CONFIG };
        if let Err(refused) = crate::server::trial(&config, &ostia_gateway::Extensions::default()) {
            complain(format!("error: {refused}"));
            return EXIT_CONFIG;
        }
        if self.format == Format::Human {
            say(summary(&config));
        }
        EXIT_OK
    }
}

/// What was understood, with the two facts an operator must see: who may enter without signing in, and which
/// redirect URIs have to be registered.
fn summary(config: &ostia_config::Config) -> String {
    let open = config.routes.iter().filter(|route| route.allow == ostia_config::route::Allow::Anyone).count();
    let mut text = format!(
        "{} listeners, {} routes ({open} open to anyone), {} upstreams, {} providers: the configuration is good (hash {})",
        config.listeners.len(),
        config.routes.len(),
        config.upstreams.len(),
        config.providers.len(),
        config.hash.get(..12).unwrap_or(&config.hash),
    );
    for (provider, uri) in crate::server::redirect_uris(config) {
        text.push_str(&format!("\n  register at provider `{provider}`: {uri}"));
    }
    text
}
