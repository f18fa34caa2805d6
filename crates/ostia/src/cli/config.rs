//! `ostia config`: the language, and a configuration with every default.

use ostia_config::load::{self, Environment};

use super::terminal::{complain, say};
use super::{ConfigFile, EXIT_CONFIG, EXIT_OK};

/// The configuration language and what a file means.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Config {
    /// Print the JSON Schema of the configuration language, for editors.
    Schema,
    /// Print the habits of a known provider: what `preset: NAME` puts under `providers.*`.
    Preset {
        /// Which provider.
        #[arg(value_parser = clap::builder::PossibleValuesParser::new(ostia_config::preset::names()))]
        name: String,
    },
    /// Print a configuration with every default filled in and every secret as `<set>`.
    Show(ConfigFile),
}

impl Config {
    pub(super) fn run(&self) -> u8 {
        match self {
            Self::Schema => {
                say(format!("{:#}", ostia_config::schema::json_schema()));
                EXIT_OK
            }
            Self::Preset { name } => {
                say(ostia_config::preset::text(name).unwrap_or_default().trim_end());
                EXIT_OK
            }
            Self::Show(file) => show(file),
        }
    }
}

fn show(file: &ConfigFile) -> u8 {
    match load::load(&file.path, &Environment::process()) {
        Ok(config) => {
            say(ostia_config::effective::to_yaml(&config).trim_end());
            EXIT_OK
        }
        Err(diagnostics) => {
            complain(diagnostics.render_text());
            EXIT_CONFIG
        }
    }
}
