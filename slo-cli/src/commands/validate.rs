//! `slo validate`

use crate::{args::Specs, error::Error, load};
use std::io::Write;

pub(super) fn run(specs: &Specs, out: &mut dyn Write, talk: &mut dyn Write) -> Result<(), Error> {
    for file in load::specs(&specs.files, talk)? {
        let slos: usize = file.services.iter().map(|service| service.slos().len()).sum();
        writeln!(
            out,
            "{}: ok, {} and {}",
            file.name,
            count(file.services.len(), "service"),
            count(slos, "SLO")
        )?;
    }
    Ok(())
}

fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
