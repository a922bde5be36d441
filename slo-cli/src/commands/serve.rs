//! `slo serve`

use crate::{
    args::{Access, Reading, Serve},
    error::Error,
    load,
};
use slo_core::model::Service;
use slo_server::{
    config::{Config, PrometheusConfig, Secret},
    run::Enforced,
    serve::Server,
};
use std::{fs, io::Write, path::Path};
use tokio::{
    runtime::{Builder, Runtime},
    signal::unix::{SignalKind, signal},
    sync::watch,
};

pub(super) fn run(serve: &Serve, out: &mut dyn Write, talk: &mut dyn Write) -> Result<(), Error> {
    let (config, services) = match serve.files.as_slice() {
        [file] if is_config(file)? => {
            refuse_flags(serve, file)?;
            read(file, &serve.reading, serve.scale.time_scale, talk)?
        }
        files => {
            let config = of_flags(serve)?;
            (config, load::services(files, &serve.reading, serve.scale.time_scale, talk)?)
        }
    };
    slo_server::gate::check(&config.gates, &services)?;
    for warning in config.warnings(&services) {
        writeln!(talk, "warning: {warning}")?;
    }
    if serve.check {
        let slos: usize = services.iter().map(|service| service.slos().len()).sum();
        let files: Vec<String> = serve.files.iter().map(|file| file.display().to_string()).collect();
        writeln!(out, "{}: valid; SLOs: {slos}, runbooks: {}", files.join(", "), config.runbooks.len())?;
        return Ok(());
    }
    runtime()?.block_on(async {
        let server = Server::open(config, services, LAUNCHER.into()).await.map_err(outside)?;
        writeln!(talk, "listening on {}", server.url().map_err(outside)?)?;
        if let Some(enforced) = server.enforced().filter(|enforced| *enforced != Enforced::Fully) {
            writeln!(
                talk,
                "warning: Landlock is {enforced} enforced by this kernel, so runbook programs may be able to \
                 write files that they must not"
            )?;
        }
        talk.flush()?;
        server.run(told_to_end()).await.map_err(outside)
    })
}

/// This program, even after its file was replaced by another version.
pub(super) const LAUNCHER: &str = "/proc/self/exe";

/// Whether a file is a configuration. A folder or standard input is none.
fn is_config(path: &Path) -> Result<bool, Error> {
    if path == Path::new("-") || path.is_dir() {
        return Ok(false);
    }
    let text = fs::read(path).map_err(|error| Error::file(path, &error))?;
    Ok(Config::is(&String::from_utf8_lossy(&text)))
}

/// With a configuration file, the file says everything.
fn refuse_flags(serve: &Serve, file: &Path) -> Result<(), Error> {
    let given = [
        ("--prometheus", "prometheus: {url: …}", serve.prometheus.is_some()),
        ("--listen", "listen: …", serve.listen.is_some()),
        ("--base-path", "base_path: …", serve.base_path.is_some()),
        ("--time-zone", "time_zone: …", serve.time_zone.is_some()),
    ];
    match given.iter().find(|(_, _, is_given)| *is_given) {
        None => Ok(()),
        Some((flag, field, _)) => Err(Error::Usage(format!(
            "{flag} cannot be used with a configuration file\n  hint: write `{field}` in {}",
            file.display()
        ))),
    }
}

/// A server that shows SLOs, without a configuration file.
fn of_flags(serve: &Serve) -> Result<Config, Error> {
    let Some(address) = &serve.prometheus else {
        return Err(Error::Usage(
            "no Prometheus server given\n  hint: add --prometheus URL, or give a configuration file with `version: \
             slo-server/v1`"
                .to_owned(),
        ));
    };
    let mut config = Config::of_pages(prometheus(&serve.access, address)?);
    if let Some(listen) = serve.listen {
        if !listen.ip().is_loopback() {
            return Err(Error::Usage(format!(
                "--listen: {listen} can be reached from other machines, and anybody could look\n  hint: write a configuration \
                 file with `listen` and `access`"
            )));
        }
        config.listen = listen;
    }
    if let Some(path) = &serve.base_path {
        let checked = Config::checked_base_path(path);
        config.base_path =
            checked.map_err(|error| Error::Usage(format!("--base-path: {error}\n  hint: write /slo")))?;
    }
    if let Some(zone) = &serve.time_zone {
        config.time_zone.clone_from(zone);
    }
    Ok(config)
}

/// A Prometheus server that flags describe.
pub(super) fn prometheus(access: &Access, address: &str) -> Result<PrometheusConfig, Error> {
    let (address, settings) = access.settings(address)?;
    let headers = settings.headers.into_iter().map(|(name, value)| (name, Secret::new(value))).collect();
    Ok(PrometheusConfig::new(address, headers, settings.roots))
}

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
