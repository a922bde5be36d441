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
    let texts = match (generate.target, &generate.out) {
        (Target::Operator, _) => artifact::prometheus_rules(&all)?,
        (Target::Prometheus, Some(_)) => all.iter().map(|(_, groups)| artifact::rule_file(groups)).collect(),
        (Target::Prometheus, None) => {
            let groups: Vec<_> = all.into_iter().flat_map(|(_, groups)| groups).collect();
            write!(out, "{}", artifact::rule_file(&groups))?;
            return Ok(());
        }
    };
    let Some(folder) = &generate.out else {
        write!(out, "{}", texts.join("---\n"))?;
        return Ok(());
    };
    for (service, text) in services.iter().zip(texts) {
        let path = folder.join("rules").join(format!("{}.yaml", service.name()));
        write::atomically(&path, &text)?;
        writeln!(talk, "wrote {}", path.display())?;
    }
    Ok(())
}
