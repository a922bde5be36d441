//! `slo alertmanager`

use crate::{args::Alertmanager, error::Error, load, write};
use slo_core::artifact::{self, Routing};
use std::io::Write;

pub(super) fn run(asked: &Alertmanager, out: &mut dyn Write, talk: &mut dyn Write) -> Result<(), Error> {
    let services = load::services(&asked.specs.files, &asked.specs.reading, 1, talk)?;
    let mut routing = Routing::new(&asked.secrets);
    routing.page.clone_from(&asked.page);
    routing.ticket.clone_from(&asked.ticket);
    routing.ticket_hours.clone_from(&asked.ticket_hours);
    routing.version = asked.version;
    routing.fragment = asked.fragment;
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
