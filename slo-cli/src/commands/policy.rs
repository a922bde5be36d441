//! `slo policy`

use super::report::Server;
use crate::{
    args::{Format, Policy},
    error::Error,
    load, table, text, time,
};
use serde_json::json;
use slo_core::{
    artifact::{Report, ReportSpan, local_time},
    model::{Ratio, Service},
    page,
    replay::{PolicyDecision, PolicyStage, PolicyStanding, SloReview},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
};

pub(super) fn run(args: &Policy, out: &mut dyn Write, talk: &mut dyn Write) -> Result<(), Error> {
    // The exit code of input that is wrong must not be that of a freeze.
    let decided = decided(args, talk).map_err(|error| match error {
        Error::Input(told) => Error::Usage(told),
        other => other,
    })?;
    let standings: Vec<(&SloReview, &PolicyStanding)> =
        decided.iter().filter_map(|review| Some((review, review.policy.as_ref()?))).collect();
    let change = args.change.as_deref();
    let decision = standings
        .iter()
        .map(|(_, standing)| standing.decision(change))
        .max()
        .unwrap_or(PolicyDecision::Unknown);
    match args.output.format {
        Format::Json => text::json(
            out,
            &json!({
                "decision": decision.as_str(),
                "change": change,
                "slos": standings.iter().map(|(review, standing)| of_slo(review, standing, change)).collect::<Vec<_>>(),
            }),
        )?,
        Format::Table => show(&standings, change, &args.time_zone, out)?,
    }
    let because = |decision: PolicyDecision| {
        let standings = standings.iter().filter(|(_, standing)| standing.decision(change) == decision);
        let lines = standings
            .map(|(review, standing)| format!("{}: {}", review.path(), standing.sentences(&args.time_zone)));
        lines.collect::<Vec<_>>().join("\n")
    };
    match decision {
        PolicyDecision::Go => Ok(()),
        PolicyDecision::Stop => Err(Error::Broken(because(decision))),
        PolicyDecision::Unknown => Err(Error::Inconclusive(format!(
            "{}\n  hint: load the rules of `slo generate` for these specs; if they were generated with `--time-scale`, give the same value",
            because(decision)
        ))),
    }
}

/// The reviews of the last period of each SLO, with what the policy says.
fn decided(args: &Policy, talk: &mut dyn Write) -> Result<Vec<SloReview>, Error> {
    let client = args.access.client(&args.prometheus)?;
    let services = load::services(&args.specs.files, &args.specs.reading, args.scale.time_scale, talk)?;
    let governed: Vec<&Service> =
        services.iter().filter(|service| service.error_budget_policy().is_some()).collect();
    if governed.is_empty() {
        return Err(Error::Input(
            "no service has an error-budget policy\n  hint: add `policy: {freeze: {at: 0%}}` to its spec"
                .to_owned(),
        ));
    }
    let mut server = Server { client: &client, warnings: BTreeSet::new() };
    let now = args.end.unwrap_or_else(time::now);
    let mut reviews = Vec::new();
    for service in governed {
        for slo in service.slos() {
            let span = ReportSpan::last(slo.period().length(), now);
            let only = [service.only(slo)];
            let report = Report::ask(&only, &span, &args.time_zone, args.groups, &mut server)?;
            for one in &report.others {
                writeln!(
                    talk,
                    "warning: {}/{}: {} groups with smaller shares of bad events were not looked at\n  hint: look at more with `--groups`",
                    one.service, one.slo, one.groups
                )?;
            }
            // A group that has gone decides nothing, unless nothing is left of the SLO.
            let mut current = report.slos;
            if current.iter().any(|one| one.seen.total() > 0) {
                current.retain(|one| one.seen.total() > 0);
            }
            reviews.extend(current);
        }
    }
    for warning in &server.warnings {
        writeln!(talk, "warning: the evidence is incomplete: {} says: {warning}", client.address())?;
    }
    Ok(reviews)
}

fn of_slo(review: &SloReview, standing: &PolicyStanding, change: Option<&str>) -> serde_json::Value {
    let mut shown = standing.to_json(change);
    if let Some(fields) = shown.as_object_mut() {
        fields.insert("service".to_owned(), json!(review.service));
        fields.insert("slo".to_owned(), json!(review.slo));
        fields.insert(
            "group".to_owned(),
            json!(review.group.iter().cloned().collect::<BTreeMap<String, String>>()),
        );
        fields.insert("period".to_owned(), json!(review.period));
    }
    shown
}

fn show(
    standings: &[(&SloReview, &PolicyStanding)],
    change: Option<&str>,
    zone: &str,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let mut table =
        table::new(&["SLO", "stage", &format!("since ({zone})"), "budget left", "ends above", "decision"]);
    let share = |share: Option<f64>| share.map_or("-".to_owned(), |share| page::percent(Some(share), 1));
    for (review, standing) in standings {
        table.add_row([
            review.path(),
            standing.known_stage().map_or("-", PolicyStage::as_str).to_owned(),
            standing.since.map_or("-".to_owned(), |since| local_time(since, zone, "%Y-%m-%d %H:%M")),
            share(standing.remaining),
            share(standing.ends_above().map(Ratio::to_f64)),
            standing.decision(change).as_str().to_owned(),
        ]);
    }
    write!(out, "{}", table::lines(&table))?;
    for (review, standing) in standings {
        if !standing.postmortems.is_empty() || standing.decision(change) != PolicyDecision::Go {
            writeln!(out, "\n{}: {}", review.path(), standing.sentences(zone))?;
        }
    }
    Ok(())
}
