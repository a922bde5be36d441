//! `slo import`

use crate::{args::Specs, error::Error, load};
use slo_core::spec;
use std::io::Write;

pub(super) fn run(specs: &Specs, out: &mut dyn Write, talk: &mut dyn Write) -> Result<(), Error> {
    let services = load::specs(&specs.files, talk)?.into_iter().flat_map(|file| file.services);
    for (index, service) in services.enumerate() {
        write!(out, "{}{}", if index > 0 { "---\n" } else { "" }, spec::write(&service))?;
    }
    Ok(())
}
