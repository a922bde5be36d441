//! `slo validate`

use crate::{args::Specs, error::Error, load, text, time};
use slo_core::{
    plain,
    rules::{self, Options},
};
use std::io::Write;

pub(super) fn run(specs: &Specs, out: &mut dyn Write, talk: &mut dyn Write) -> Result<(), Error> {
    let options = Options { now: Some(time::now()), ..Options::default() };
    for file in load::specs(&specs.files, &specs.reading, &specs.reading.defaults(), talk)? {
        for service in &file.services {
            rules::check(service, options)?;
        }
        let slos: usize = file.services.iter().map(|service| service.slos().len()).sum();
        writeln!(
            out,
            "{}: ok, {} and {}",
            plain(&file.name),
            text::counted(file.services.len() as u64, "service"),
            text::counted(slos as u64, "SLO")
        )?;
    }
    Ok(())
}
