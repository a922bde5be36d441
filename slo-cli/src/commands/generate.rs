//! `slo generate`

use crate::{args::Generate, error::Error, load, write};
use slo_core::{artifact, rules};
use std::io::Write;

pub(super) fn run(generate: &Generate, out: &mut dyn Write, talk: &mut dyn Write) -> Result<(), Error> {
    let services = load::services(&generate.specs.files, generate.scale.time_scale)?;
    // Everything is generated before anything is written.
    let mut groups = Vec::with_capacity(services.len());
    for service in &services {
        groups.push((service.name(), rules::generate(service)?));
    }
    let Some(folder) = &generate.out else {
        let all: Vec<_> = groups.into_iter().flat_map(|(_, groups)| groups).collect();
        write!(out, "{}", artifact::rule_file(&all))?;
        return Ok(());
    };
    for (service, groups) in groups {
        let path = folder.join("rules").join(format!("{service}.yaml"));
        write::atomically(&path, &artifact::rule_file(&groups))?;
        writeln!(talk, "wrote {}", path.display())?;
    }
    Ok(())
}
