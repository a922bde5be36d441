//! `slo generate`

use crate::{
    args::{Generate, Naming, Target},
    error::Error,
    load, time, write,
};
use slo_core::{
    artifact,
    model::Service,
    rules::{self, Backend, Options, RuleGroup},
};
use std::{io::Write, path::PathBuf};

pub(super) fn run(generate: &Generate, out: &mut dyn Write, talk: &mut dyn Write) -> Result<(), Error> {
    let services = load::services(&generate.specs.files, generate.scale.time_scale, talk)?;
    if generate.tests && (generate.naming == Naming::Sloth || generate.target == Target::VictoriaMetrics) {
        return Err(Error::Input(
            "tests are of the rules that promtool evaluates, with our own names\n  hint: leave `--tests` out".to_owned(),
        ));
    }
    let options = Options {
        backend: match generate.target {
            Target::VictoriaMetrics => Backend::VictoriaMetrics,
            _ => Backend::Prometheus,
        },
        naming: match generate.naming {
            Naming::Native => rules::Naming::Native,
            Naming::Sloth => rules::Naming::Sloth,
        },
        now: Some(time::unix_millis()),
    };
    // Everything is generated before anything is written.
    let mut all = Vec::with_capacity(services.len());
    for service in &services {
        all.push((service, rules::generate_with(service, options)?));
    }
    let Some(folder) = &generate.out else {
        for (index, text) in texts(generate.target, all, true)?.into_iter().enumerate() {
            write!(out, "{}{text}", if index > 0 { "---\n" } else { "" })?;
        }
        return Ok(());
    };
    let mut files: Vec<(PathBuf, String)> = Vec::new();
    let path = |kind: &str, service: &Service| folder.join(kind).join(format!("{}.yaml", service.name()));
    if generate.tests {
        for (service, _) in &all {
            let rules = format!("../rules/{}.yaml", service.name());
            files.push((path("tests", service), artifact::rule_tests(service, &rules)?));
        }
    }
    for (service, text) in services.iter().zip(texts(generate.target, all, false)?) {
        files.push((path("rules", service), text));
    }
    for (path, text) in files {
        write::atomically(&path, &text)?;
        writeln!(talk, "wrote {}", path.display())?;
    }
    Ok(())
}

/// The text of every service's rules, or of all of them in one where the target knows no services.
fn texts(
    target: Target,
    all: Vec<(&Service, Vec<RuleGroup>)>,
    together: bool,
) -> Result<Vec<String>, Error> {
    let file = match target {
        Target::Operator => return Ok(artifact::prometheus_rules(&all)?),
        Target::Mimir => {
            return Ok(all.iter().map(|(service, groups)| artifact::mimir_rule_file(service, groups)).collect());
        }
        Target::Thanos => artifact::thanos_rule_file,
        Target::Prometheus | Target::VictoriaMetrics => artifact::rule_file,
    };
    if together {
        let groups: Vec<_> = all.into_iter().flat_map(|(_, groups)| groups).collect();
        return Ok(vec![file(&groups)]);
    }
    Ok(all.iter().map(|(_, groups)| file(groups)).collect())
}
