//! `slo generate`

use crate::{
    args::{Generate, Target},
    error::Error,
    load, write,
};
use slo_core::{artifact, rules};
use std::io::Write;

pub(super) fn run(generate: &Generate, out: &mut dyn Write, talk: &mut dyn Write) -> Result<(), Error> {
    let services = load::services(&generate.specs.files, generate.scale.time_scale)?;
    // Everything is generated before anything is written.
    let mut all = Vec::with_capacity(services.len());
    for service in &services {
        all.push((service, rules::generate(service)?));
    }
    let Some(folder) = &generate.out else {
        match generate.target {
            Target::Prometheus => {
                let groups: Vec<_> = all.into_iter().flat_map(|(_, groups)| groups).collect();
                write!(out, "{}", artifact::rule_file(&groups))?;
            }
            Target::Operator => {
                let objects = all.iter().map(|(service, groups)| artifact::prometheus_rule(service, groups));
                write!(out, "{}", objects.collect::<Vec<_>>().join("---\n"))?;
            }
        }
        return Ok(());
    };
    for (service, groups) in all {
        let text = match generate.target {
            Target::Prometheus => artifact::rule_file(&groups),
            Target::Operator => artifact::prometheus_rule(service, &groups),
        };
        let path = folder.join("rules").join(format!("{}.yaml", service.name()));
        write::atomically(&path, &text)?;
        writeln!(talk, "wrote {}", path.display())?;
    }
    Ok(())
}
