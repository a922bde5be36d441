//! `slo generate`

use crate::{
    args::{Generate, Naming, Written},
    error::Error,
    load, parallel, time, write,
};
use slo_core::{
    artifact::{self, GateTarget, ObjectMeta, Target},
    model::{Period, Service, Slo},
    rules::{self, Backend, Options},
    spec::Defaults,
};
use std::{collections::BTreeSet, io::Write, path::Path, ptr};

pub(super) fn run(generate: &Generate, out: &mut dyn Write, talk: &mut dyn Write) -> Result<(), Error> {
    let reading = &generate.specs.reading;
    let defaults = Defaults { sloth_names: generate.naming == Naming::Sloth, ..reading.defaults() };
    let speed = generate.scale.time_scale;
    let services = load::services_with(&generate.specs.files, reading, &defaults, speed, talk)?;
    let meta = ObjectMeta::new(generate.namespace.clone(), generate.object_labels.iter().cloned().collect())?;
    let target = match generate.target {
        Written::Rules(target) => target,
        Written::Gates(target) => return gates(generate, target, &services, &meta, out, talk),
    };
    if generate.tests && (generate.naming == Naming::Sloth || target != Target::Prometheus) {
        return Err(Error::Input(
            "`--tests` works only for Prometheus rule files with native names\n  hint: generate the tests \
             without `--target` and `--naming`, into another folder"
                .to_owned(),
        ));
    }
    let options = Options {
        backend: backend(generate, target)?,
        naming: generate.naming.into(),
        now: Some(time::now()),
    };
    // Nothing is written unless all of it can be.
    let mut tests = Vec::new();
    for service in &services {
        rules::check(service, options)?;
        if !target.holds_several() {
            let groups = rules::generate_with(service, options)?;
            target.check(service, &groups)?;
            for change in target.changes(&groups) {
                writeln!(talk, "warning: {}: {change}", service.name())?;
            }
        }
        if generate.tests {
            tests.push(tests_of(service, talk)?);
        }
    }
    target.check_names(&services)?;
    if !target.has_metadata() && meta != ObjectMeta::default() {
        return Err(Error::Usage(
            "`--namespace` and `--object-label` apply only to Kubernetes objects\n  hint: give \
             `--target operator`"
                .to_owned(),
        ));
    }
    if !target.holds_several() && generate.out.is_none() && services.len() > 1 {
        return Err(Error::Usage(format!(
            "a file of the target {target} holds the rules of one service, and there are {}\n  hint: give --out DIR",
            services.len()
        )));
    }
    let groups = |service: &Service| rules::generate_with(service, options);
    let text = |service: &Service| Ok(target.rules(service, &groups(service)?, &meta));
    if let Some(folder) = &generate.out {
        return write_files(folder, target.extension(), &services, tests, &text, talk);
    }
    let is_first = |service| services.first().is_some_and(|first| ptr::eq(first, service));
    let text = |service: &Service| {
        if is_first(service) {
            return text(service);
        }
        Ok(target.more_rules(service, &groups(service)?, &meta))
    };
    parallel::in_order(&services, text, |_, text| Ok(out.write_all(text?.as_bytes())?))
}

/// Queries that judge releases.
fn gates(
    generate: &Generate,
    target: GateTarget,
    services: &[Service],
    meta: &ObjectMeta,
    out: &mut dyn Write,
    talk: &mut dyn Write,
) -> Result<(), Error> {
    if generate.tests || generate.anchored || generate.naming != Naming::Native {
        return Err(Error::Usage(format!(
            "`--tests`, `--anchored` and `--naming` are for rules, and {target} writes none\n  hint: leave them out"
        )));
    }
    let mut names = BTreeSet::new();
    for name in services.iter().flat_map(GateTarget::names) {
        if !names.insert(name.clone()) {
            return Err(Error::Input(format!(
                "two SLOs would have the same object name `{name}`\n  hint: rename one of them; object names only have lower case and `-`"
            )));
        }
    }
    let mut objects = Vec::new();
    for service in services {
        let (text, without) = target.objects(service, meta)?;
        for slo in without {
            writeln!(talk, "warning: left out: {slo} counts no events in two counters")?;
        }
        objects.push(text);
    }
    let Some(folder) = &generate.out else { return Ok(out.write_all(objects.join("---\n").as_bytes())?) };
    for (service, text) in services.iter().zip(objects) {
        let path = folder.join("gates").join(format!("{}.yaml", service.name()));
        write::atomically(&path, &text)?;
        writeln!(talk, "wrote {}", path.display())?;
    }
    Ok(())
}

fn backend(generate: &Generate, target: Target) -> Result<Backend, Error> {
    if !generate.anchored {
        return Ok(target.backend());
    }
    target.anchored().ok_or_else(|| {
        Error::Usage(
            "`--anchored` is for Prometheus 3.16 and later\n  hint: leave it out for other targets, or give `--target \
             prometheus` or `--target operator`"
                .to_owned(),
        )
    })
}

/// The tests of a service; `None` and a warning for calendar periods, which are too long for promtool.
fn tests_of(service: &Service, talk: &mut dyn Write) -> Result<Option<String>, Error> {
    let rolls = |slo: &Slo| matches!(slo.period(), Period::Rolling(_));
    match artifact::rule_tests(service, &format!("../rules/{}.yaml", service.name())) {
        Err(error) if !service.slos().iter().all(rolls) => {
            writeln!(talk, "warning: no tests for `{}`: {}", service.name(), Error::from(error))?;
            Ok(None)
        }
        tests => Ok(Some(tests?)),
    }
}

type Text<'a> = dyn Fn(&Service) -> Result<String, slo_core::Error> + Sync + 'a;

/// A file for each service, and one for its tests where there are any.
fn write_files(
    folder: &Path,
    extension: &str,
    services: &[Service],
    tests: Vec<Option<String>>,
    text: &Text<'_>,
    talk: &mut dyn Write,
) -> Result<(), Error> {
    let path = |kind: &str, service: &Service| {
        let extension = if kind == "rules" { extension } else { "yaml" };
        folder.join(kind).join(format!("{}.{extension}", service.name()))
    };
    let mut tests = tests.into_iter();
    parallel::in_order(services, text, |service, text| {
        let mut file = |kind: &str, text: &str| -> Result<(), Error> {
            let path = path(kind, service);
            write::atomically(&path, text)?;
            Ok(writeln!(talk, "wrote {}", path.display())?)
        };
        file("rules", &text?)?;
        tests.next().flatten().map_or(Ok(()), |tests| file("tests", &tests))
    })
}
