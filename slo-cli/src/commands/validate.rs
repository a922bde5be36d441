//! `slo validate`

use crate::{args::Specs, error::Error, load, time};
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
            count(file.services.len(), "service"),
            count(slos, "SLO")
        )?;
    }
    Ok(())
}

fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
