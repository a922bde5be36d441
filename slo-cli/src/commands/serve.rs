//! `slo serve`

use crate::{
    args::{Reading, Serve},
    error::Error,
    load,
};
use slo_core::model::Service;
use slo_server::{config::Config, run::Enforced, serve::Server};
use std::{io::Write, path::Path};
use tokio::{
    runtime::{Builder, Runtime},
    signal::unix::{SignalKind, signal},
    sync::watch,
};

pub(super) fn run(serve: &Serve, out: &mut dyn Write, talk: &mut dyn Write) -> Result<(), Error> {
    let (config, services) = read(&serve.config, &serve.reading, serve.scale.time_scale, talk)?;
    for warning in config.warnings(&services) {
        writeln!(talk, "warning: {warning}")?;
    }
    if serve.check {
        let slos: usize = services.iter().map(|service| service.slos().len()).sum();
        let path = serve.config.display();
        writeln!(out, "{path}: valid; SLOs: {slos}, runbooks: {}", config.runbooks.len())?;
        return Ok(());
    }
    runtime()?.block_on(async {
        let server = Server::open(config, services, LAUNCHER.into()).await.map_err(outside)?;
        writeln!(talk, "listening on {}", server.url().map_err(outside)?)?;
        if server.enforced() != Enforced::Fully {
            writeln!(
                talk,
                "warning: Landlock is {} enforced by this kernel, so runbook programs may be able to \
                 write files that they must not",
                server.enforced()
            )?;
        }
        talk.flush()?;
        server.run(told_to_end()).await.map_err(outside)
    })
}

/// This program, even after its file was replaced by another version.
pub(super) const LAUNCHER: &str = "/proc/self/exe";

/// Reads the configuration and its SLOs, and reports every fault.
pub(super) fn read(
    config: &Path,
    reading: &Reading,
    speed: u32,
    talk: &mut dyn Write,
) -> Result<(Config, Vec<Service>), Error> {
    let config = self::config(config)?;
    let services = if config.specs.is_empty() {
        Vec::new()
    } else {
        load::services(&config.specs, reading, speed, talk)?
    };
    Ok((config, services))
}

/// Reads the configuration, and reports every fault.
pub(super) fn config(path: &Path) -> Result<Config, Error> {
    Config::load(path).map_err(|diagnostics| {
        let shown = path.display();
        let faults: Vec<String> =
            diagnostics.faults().iter().map(|fault| format!("{shown}:{fault}")).collect();
        let noun = if faults.len() == 1 { "fault" } else { "faults" };
        Error::Input(format!("{}\n{} {noun}", faults.join("\n"), faults.len()))
    })
}

pub(super) fn runtime() -> Result<Runtime, Error> {
    Builder::new_multi_thread().enable_all().build().map_err(outside)
}

pub(super) fn outside(error: impl std::fmt::Display) -> Error {
    Error::Outside(error.to_string())
}

/// Becomes true with SIGTERM or SIGINT.
pub(super) fn told_to_end() -> watch::Receiver<bool> {
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        let (Ok(mut terminate), Ok(mut interrupt)) =
            (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
        else {
            return std::future::pending().await;
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        // The server may have ended by itself.
        let _ended = stop.send(true);
    });
    stopped
}
