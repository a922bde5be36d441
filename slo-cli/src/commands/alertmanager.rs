//! `slo alertmanager`

use crate::{args::Alertmanager, error::Error, load, write};
use slo_core::artifact::{self, Routing};
use std::io::Write;

pub(super) fn run(asked: &Alertmanager, out: &mut dyn Write, talk: &mut dyn Write) -> Result<(), Error> {
    let services = load::services(&asked.specs.files, 1, talk)?;
    let routing = Routing {
        page: asked.page.clone(),
        ticket: asked.ticket.clone(),
        ticket_hours: asked.ticket_hours.clone(),
        version: asked.version,
        fragment: asked.fragment,
        ..Routing::new(&asked.secrets)
    };
    let config = artifact::alertmanager(&services, &routing)?;
    match &asked.out {
        Some(path) => {
            write::atomically(path, &config)?;
            writeln!(talk, "{}", path.display())?;
        }
        None => out.write_all(config.as_bytes())?,
    }
    Ok(())
}
