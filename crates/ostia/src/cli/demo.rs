//! `ostia demo`: a provider, two upstreams and the real proxy, from a real configuration file, on this machine alone.

mod certificate;

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use ostia_config::load::{self, Environment};
use ostia_demo::check::Check;
use ostia_demo::demo::{self, Options};

use super::terminal::{complain, say};
use super::{EXIT_FAILED, EXIT_OK};
use crate::inherit::Inheritance;
use crate::server::{self, Running, Server};

/// How often the configuration file is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// How long the proxy may take to become ready.
const READY: Duration = Duration::from_secs(10);

/// Runs the demo; leaves nothing behind.
#[derive(Debug, clap::Args)]
pub(super) struct Demo {
    /// Serve https with a certificate made for the occasion.
    #[arg(long)]
    tls: bool,
    /// Go through the whole demo without a browser, print what happened, exit 0 when all of it worked.
    #[arg(long)]
    check: bool,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Print an access token for a machine, from the demo that runs.
    Token {
        /// The provider's address; found by itself when left out.
        #[arg(long)]
        issuer: Option<String>,
    },
}

/// Why the demo ended early.
type Failed = Box<dyn std::error::Error>;

impl Demo {
    pub(super) fn run(&self) -> u8 {
        server::install_crypto();
        if std::env::var_os(crate::logging::VARIABLE).is_some() {
            crate::logging::start();
        }
        let runtime = match server::runtime(None) {
            Ok(runtime) => runtime,
            Err(failed) => {
                complain(format!("error: {failed}"));
                return EXIT_FAILED;
            }
        };
        let ended = match &self.verb {
            Some(Verb::Token { issuer }) => runtime.block_on(token(issuer.as_deref())),
            None => runtime.block_on(self.play()),
        };
        runtime.shutdown_background();
        match ended {
            Ok(()) => EXIT_OK,
            Err(failed) => {
                complain(told(&*failed));
                EXIT_FAILED
            }
        }
    }

    async fn play(&self) -> Result<(), Failed> {
        let folder = tempfile::Builder::new().prefix("ostia-demo-").tempdir()?;
        let mut options = match self.check {
            true => Options::anywhere(folder.path()),
            false => Options::new(folder.path()),
        };
        if self.tls {
            options = options.with_tls(certificate::make(folder.path())?);
        }
        let demo = demo::Demo::start(options).await?;
        let file = folder.path().join("ostia.yaml");
        certificate::write(&file, &demo.config_yaml())?;
        let running = start(&file).await?;
        ready(&running).await?;
        let outcome = match self.check {
            true => check(&demo).await,
            false => {
                say(demo.screen(&file));
                watch(&running, &file).await
            }
        };
        running.drain(std::future::ready(())).await;
        demo.stop().await;
        outcome
    }
}

/// An error with everything behind it.
fn told(failed: &dyn std::error::Error) -> String {
    let mut text = format!("error: {failed}");
    let mut cause = failed.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

async fn start(file: &Path) -> Result<Running, Failed> {
    let config = load::load(file, &Environment::process())?;
    Ok(Server::bind(file, config, ostia_gateway::Extensions::default(), Inheritance::default())?
        .start()
        .await?)
}

async fn ready(running: &Running) -> Result<(), Failed> {
    let until_ready = async {
        while !running.gateway().readiness().ready {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(READY, until_ready).await.map_err(|_| "the proxy did not become ready".into())
}

async fn check(demo: &demo::Demo) -> Result<(), Failed> {
    let transcript = Check::of(demo).run().await?;
    say(transcript.to_string());
    Ok(())
}

/// Until Ctrl-C; a saved change of the file is taken over.
async fn watch(running: &Running, file: &Path) -> Result<(), Failed> {
    let mut seen = modified(file);
    let mut look = tokio::time::interval(LOOK);
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    loop {
        tokio::select! {
            stop = tokio::signal::ctrl_c() => return Ok(stop?),
            _ = terminate.recv() => return Ok(()),
            _ = look.tick() => {
                let now = modified(file);
                if now != seen {
                    seen = now;
                    running.reload();
                }
            }
        }
    }
}

fn modified(file: &Path) -> Option<SystemTime> {
    std::fs::metadata(PathBuf::from(file)).and_then(|data| data.modified()).ok()
}

async fn token(issuer: Option<&str>) -> Result<(), Failed> {
    let issuer = match issuer {
        Some(issuer) => issuer.to_owned(),
        None => demo::find_issuer().await.ok_or("no demo is running; start `ostia demo` first")?,
    };
    say(demo::token(&issuer).await?);
    Ok(())
}
