//! `slo import`

use crate::{args::Specs, error::Error, load};
use slo_core::spec;
use std::io::Write;

pub(super) fn run(specs: &Specs, out: &mut dyn Write, talk: &mut dyn Write) -> Result<(), Error> {
    let services = load::services(&specs.files, &specs.reading, 1, talk)?;
    for (index, service) in services.iter().enumerate() {
        write!(out, "{}{}", if index > 0 { "---\n" } else { "" }, spec::write(service))?;
    }
    Ok(())
}
