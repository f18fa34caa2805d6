//! The command line as one table: each verb is a module of its own.

mod audit;
mod call;
mod check;
mod config;
mod demo;
mod explain;
mod health;
mod keys;
mod policy;
mod rehearsing;
mod reload;
mod route;
mod run;
mod server;
mod session;
mod status;
mod terminal;
mod token;
mod upgrade;
mod version;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Done.
const EXIT_OK: u8 = 0;
/// Failed while running.
const EXIT_FAILED: u8 = 1;
/// What was given cannot be read.
const EXIT_USAGE: u8 = 2;
/// The configuration is wrong (`EX_CONFIG` of sysexits.h).
const EXIT_CONFIG: u8 = 78;

/// An identity-aware, programmable edge load balancer.
#[derive(Debug, Parser)]
#[command(name = "ostia", version, disable_help_subcommand = true)]
struct Command {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Serve in the foreground. HUP reloads, USR1 opens the logs anew, USR2 upgrades, TERM drains and leaves, a
    /// second TERM leaves at once.
    Run(ConfigFile),
    /// Check a configuration: every error in one run; exits 78 when there is one.
    Check(check::Check),
    /// Show the configuration language, or a configuration with every default.
    #[command(subcommand)]
    Config(config::Config),
    /// Tell what a diagnostic code means.
    Explain(explain::Explain),
    /// Swap a running Ostia to its configuration file as it is now; every error comes back, exit 78.
    Reload(call::Target),
    /// Start the binary anew with the sockets of a running Ostia; the old process leaves when the new one serves.
    Upgrade(call::Target),
    /// Show what runs, and how each server stands: its state, why, since when, its last check, its load.
    Status(status::Status),
    /// Order a server of a running Ostia to serve, to drain or to rest.
    #[command(subcommand)]
    Server(server::Server),
    /// Show what would become of a request: route, deciding rule, fields, server.
    Route(Box<route::Route>),
    /// Check a bearer token and name the check that it fails.
    Token(token::Token),
    /// Test policies by cases.
    #[command(subcommand)]
    Policy(policy::Policy),
    /// Verify an audit log.
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Count sessions of a running Ostia, and end them.
    #[command(subcommand)]
    Session(session::Session),
    /// Ask a running Ostia whether it is ready; the exit status is the answer.
    Health(health::Health),
    /// Make and rotate the keys that seal session cookies.
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Start a provider, two upstreams and the real proxy on this machine, with a URL to open.
    Demo(demo::Demo),
    /// Print the version and what it was built with.
    Version(version::Version),
}

/// Which configuration.
#[derive(Debug, clap::Args)]
struct ConfigFile {
    /// The configuration file.
    #[arg(short = 'c', long = "config", value_name = "FILE", default_value = "/etc/ostia/ostia.yaml")]
    path: PathBuf,
}

/// Runs the command of this process.
#[must_use]
pub fn main() -> ExitCode {
    let command = Command::parse();
    let code = match command.verb {
        Verb::Run(file) => run::run(&file),
        Verb::Check(check) => check.run(),
        Verb::Config(config) => config.run(),
        Verb::Explain(explain) => explain.run(),
        Verb::Reload(target) => reload::run(&target),
        Verb::Upgrade(target) => upgrade::run(&target),
        Verb::Status(status) => status.run(),
        Verb::Server(server) => server.run(),
        Verb::Route(route) => route.run(),
        Verb::Token(token) => token.run(),
        Verb::Policy(policy) => policy.run(),
        Verb::Audit(audit) => audit.run(),
        Verb::Session(session) => session.run(),
        Verb::Health(health) => health.run(),
        Verb::Keys(keys) => keys.run(),
        Verb::Demo(demo) => demo.run(),
        Verb::Version(version) => version.run(),
    };
    ExitCode::from(code)
}
