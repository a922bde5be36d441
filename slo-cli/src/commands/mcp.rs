//! `slo mcp`

use super::{
    incidents::open,
    serve::{config, outside, prometheus, runtime, told_to_end},
};
use crate::{args::Mcp, error::Error, load};
use slo_server::{
    config::{Config, Secret},
    mcp::{self, Sources},
};
use std::{
    fs,
    io::Write,
    net::{SocketAddr, TcpListener},
    path::Path,
};

pub(super) fn run(args: &Mcp, talk: &mut dyn Write) -> Result<(), Error> {
    let token = args.bearer_file.as_deref().map(token).transpose()?;
    if let Some(listen) = args.listen.filter(|listen| !listen.ip().is_loopback())
        && token.is_none()
    {
        return Err(Error::Usage(format!(
            "--listen: {listen} can be reached from other machines, and anybody could look\n  hint: add --bearer-file"
        )));
    }
    let config = args.place.config.as_deref().map(config).transpose()?;
    let of_config = config.as_ref().map(|config| config.specs.as_slice()).unwrap_or_default();
    let files = if args.files.is_empty() { of_config } else { &args.files };
    let has_record = match &config {
        Some(Config { store, .. }) => store.is_some(),
        None => args.place.store.is_some(),
    };
    if files.is_empty() && (args.prometheus.is_some() || !has_record) {
        return Err(Error::Usage(
            "no specs given\n  hint: give spec files, or --config with a configuration that has `specs`; for incidents alone, give \
             --store"
                .to_owned(),
        ));
    }
    let services = match files {
        [] => Vec::new(),
        files => load::services(files, &args.reading, args.scale.time_scale, talk)?,
    };
    let given = args.prometheus.as_deref().map(|address| prometheus(&args.access, address)).transpose()?;
    let prometheus = given.as_ref().or_else(|| config.as_ref()?.prometheus.as_ref());
    runtime()?.block_on(async {
        let record = if has_record { Some(open(&args.place).await?) } else { None };
        let sources = Sources::new(services, prometheus, record).map_err(outside)?;
        match args.listen {
            None => mcp::stdio(sources).await.map_err(Error::Input),
            Some(address) => listen(sources, address, token, talk).await,
        }
    })
}

async fn listen(
    sources: Sources,
    address: SocketAddr,
    token: Option<Secret>,
    talk: &mut dyn Write,
) -> Result<(), Error> {
    let listener =
        TcpListener::bind(address).map_err(|error| Error::Outside(format!("--listen {address}: {error}")))?;
    listener.set_nonblocking(true)?;
    writeln!(talk, "listening on http://{}/mcp", listener.local_addr()?)?;
    talk.flush()?;
    let mut told = told_to_end();
    let stop = async move {
        // It ends with its sender, too.
        let _ended = told.wait_for(|told| *told).await;
    };
    mcp::http(sources, listener, token, stop).await.map_err(outside)
}

fn token(path: &Path) -> Result<Secret, Error> {
    let text = fs::read_to_string(path).map_err(|error| Error::file(path, &error))?;
    let token = text.trim();
    if token.is_empty() {
        return Err(Error::Usage(format!("--bearer-file: {} is empty", path.display())));
    }
    Ok(Secret::new(token))
}
