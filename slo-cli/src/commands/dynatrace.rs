//! `slo dynatrace`

use super::{
    incidents::{latest, user},
    serve::runtime,
};
use crate::{
    args::{Budgets, Dynatrace as Args, DynatraceVerb, Environment, Kind, Noticed, SloForm, Slos, WentLive},
    error::Error,
    load,
    recorded::{check_recorded, rows},
    text, time, write,
};
use slo_ops::{
    Deployment,
    dynatrace::{
        DynatraceSlo, classic_slo, deployment_event, error_event, metric_lines, platform_slo, read_mapping,
    },
};
use slo_server::{config::Secret, dynatrace::Dynatrace};
use std::{collections::BTreeSet, fs, io::Write};

pub(super) fn run(args: &Args, out: &mut dyn Write, talk: &mut dyn Write) -> Result<(), Error> {
    match &args.verb {
        DynatraceVerb::Slos(slos) => self::slos(slos, out, talk),
        DynatraceVerb::Metrics(budgets) => metrics(budgets, out, talk),
        DynatraceVerb::Deployment(went_live) => deployment(went_live, out, talk),
        DynatraceVerb::Incident(noticed) => incident(noticed, out, talk),
    }
}

fn slos(args: &Slos, out: &mut dyn Write, talk: &mut dyn Write) -> Result<(), Error> {
    let text = fs::read_to_string(&args.mapping).map_err(|error| Error::file(&args.mapping, &error))?;
    let mut mapping = read_mapping(&text).map_err(|faults| load::faulty(&args.mapping, &faults))?;
    let services = load::services(&args.specs.files, &args.specs.reading, 1, talk)?;
    let (mut made, mut left_out) = (Vec::new(), Vec::new());
    for service in &services {
        for slo in service.slos() {
            let path = format!("{}/{}", service.name(), slo.name());
            let Some(mapped) = mapping.remove(&path) else {
                left_out.push(path);
                continue;
            };
            made.push(match args.kind {
                Kind::Classic if mapped.events.is_some() => classic_slo(service, slo, &mapped)?,
                Kind::Platform if mapped.dql.is_some() => platform_slo(service, slo, &mapped)?,
                _ => {
                    left_out.push(path);
                    continue;
                }
            });
        }
    }
    let shown = args.mapping.display();
    if let Some(unknown) = mapping.keys().next() {
        return Err(Error::Input(format!("{shown}: no spec has the SLO `{unknown}`")));
    }
    let mut names = BTreeSet::new();
    if let Some(twice) = made.iter().find(|slo| !names.insert(&slo.resource)) {
        return Err(Error::Input(format!(
            "two SLOs would have the name `{}` in Dynatrace\n  hint: rename one of them",
            twice.resource
        )));
    }
    let needs = match args.kind {
        Kind::Classic => "`good` and `total`",
        Kind::Platform => "`dql`",
    };
    if made.is_empty() {
        return Err(Error::Input(format!(
            "{shown}: no SLO has {needs}, which this kind needs\n  hint: add them to the mapping, or ask for the other `--kind`"
        )));
    }
    for path in left_out {
        writeln!(talk, "warning: {path} is left out: {shown} has no {needs} for it")?;
    }
    for loss in made.iter().flat_map(|slo| &slo.losses) {
        writeln!(talk, "warning: {loss}")?;
    }
    let written = match args.format {
        SloForm::Json => {
            let bodies: Vec<_> = made.iter().map(|slo| &slo.body).collect();
            format!("{:#}\n", serde_json::json!(bodies))
        }
        SloForm::Terraform => made.iter().map(DynatraceSlo::to_terraform).collect::<Vec<_>>().join("\n"),
    };
    match &args.out {
        Some(path) => write::atomically(path, &written),
        None => Ok(out.write_all(written.as_bytes())?),
    }
}

fn metrics(args: &Budgets, out: &mut dyn Write, talk: &mut dyn Write) -> Result<(), Error> {
    let client = args.access.client(&args.prometheus)?;
    let services = load::services(&args.specs.files, &args.specs.reading, args.scale.time_scale, talk)?;
    let mut warnings = BTreeSet::new();
    let rows = rows(&client, &services, &mut warnings)?;
    for warning in warnings {
        writeln!(talk, "warning: {} says: {warning}", client.address())?;
    }
    check_recorded(&client, &rows)?;
    let at = time::now();
    let (mut lines, mut left_out) = (Vec::new(), BTreeSet::new());
    for row in &rows {
        // Without coverage, what is left is of other rules.
        if row.status.coverage.is_none() && row.status.budget_projected.is_some() {
            left_out.insert(format!("{}/{}", row.service.name(), row.slo.name()));
            continue;
        }
        lines.extend(metric_lines(row.service, row.slo, &row.status, at)?);
    }
    for path in left_out {
        writeln!(
            talk,
            "warning: {path} is left out: the loaded rules are for another period, or were generated with another `--time-scale`\n  \
             hint: load the rules of `slo generate` again, or give the same `--time-scale`"
        )?;
    }
    let Some(dynatrace) = args.environment.open()? else {
        return Ok(lines.iter().try_for_each(|line| writeln!(out, "{line}"))?);
    };
    runtime()?.block_on(dynatrace.send_lines(&lines)).map_err(Error::outside)?;
    Ok(writeln!(talk, "sent {}", text::counted(lines.len() as u64, "line"))?)
}

fn deployment(args: &WentLive, out: &mut dyn Write, talk: &mut dyn Write) -> Result<(), Error> {
    let now = time::now();
    let who = args.who.clone().unwrap_or_else(user);
    let mut deployment = Deployment::new(&args.service, &args.version, args.at.unwrap_or(now))?.by(&who);
    if let Some(url) = &args.url {
        deployment = deployment.with_url(url)?;
    }
    let event = deployment_event(&deployment, args.entities.as_deref(), now)?;
    sent(&args.environment, &event, out, talk)
}

fn incident(args: &Noticed, out: &mut dyn Write, talk: &mut dyn Write) -> Result<(), Error> {
    let (episode, redactor) = runtime()?.block_on(latest(args.place(), &args.incident))?;
    let event = error_event(&episode, &redactor, args.entities.as_deref(), time::now())?;
    sent(&args.environment, &event, out, talk)
}

/// Sends an event, or writes it where no environment is given.
fn sent(
    environment: &Environment,
    event: &serde_json::Value,
    out: &mut dyn Write,
    talk: &mut dyn Write,
) -> Result<(), Error> {
    let Some(dynatrace) = environment.open()? else { return text::json(out, event) };
    runtime()?.block_on(dynatrace.send_event(event)).map_err(Error::outside)?;
    let title = event.get("title").and_then(serde_json::Value::as_str).unwrap_or_default();
    Ok(writeln!(talk, "sent: {}", slo_core::plain(title))?)
}

impl Environment {
    fn open(&self) -> Result<Option<Dynatrace>, Error> {
        let Some((url, path)) = self.environment.as_ref().zip(self.token_file.as_ref()) else {
            return Ok(None);
        };
        let token = fs::read_to_string(path).map_err(|error| Error::file(path, &error))?;
        Ok(Some(Dynatrace::new(url, Secret::new(token.trim()))?))
    }
}
