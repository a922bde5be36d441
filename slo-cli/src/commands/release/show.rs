//! A release, for people and for programs.

use super::found::Found;
use crate::{args::Format, error::Error, table, text};
use serde_json::{Value, json};
use slo_core::page;
use slo_ops::release::{Advice, Condition, GateReport, Revision, Safety, SloGate};
use std::{collections::BTreeMap, io::Write};

type Judged = BTreeMap<u64, GateReport>;

pub(super) fn show(
    found: &Found,
    judged: &Judged,
    advice: &Advice,
    format: Format,
    out: &mut dyn Write,
) -> Result<(), Error> {
    if format == Format::Json {
        return text::json(out, &json(found, judged, advice));
    }
    let mut table = table::new(&[
        "revision",
        "since",
        "status",
        "content",
        "verdict",
        "bad",
        "events",
        "error ratio",
        "burn rate",
    ]);
    for revision in &found.revisions {
        let worst = judged.get(&revision.number).and_then(worst);
        let of = |value: fn(&SloGate) -> String| worst.map_or_else(|| "-".to_owned(), value);
        table.add_row([
            revision.number.to_string(),
            revision.at.map_or_else(|| "-".to_owned(), |at| at.to_string()),
            revision.status.to_string(),
            slo_core::plain(&revision.content).into_owned(),
            judged.get(&revision.number).map_or("-", GateReport::verdict).to_owned(),
            of(|slo| slo.bad_events.to_string()),
            of(|slo| slo.events.to_string()),
            of(|slo| page::percent(slo.error_ratio, 3)),
            of(|slo| page::burn_rate(slo.burn_rate)),
        ]);
    }
    write!(out, "{}", table::lines(&table))?;
    for (object, images, ready, count) in &found.pods {
        writeln!(
            out,
            "{}: {ready} of {count} pods of {} are ready",
            slo_core::plain(object),
            slo_core::plain(images)
        )?;
    }
    for warning in &found.warnings {
        writeln!(out, "warning: {warning}")?;
    }
    let last = found
        .revisions
        .last()
        .filter(|revision| !revision.description.is_empty() && !revision.status.was_live());
    if let Some(last) = last {
        let description = last.description.replace('\n', "; ");
        writeln!(out, "revision {}: {}", last.number, slo_core::plain(&description))?;
    }
    if advice.command.is_none() {
        if advice.is_well {
            writeln!(out, "{}", sentences(advice))?;
        }
        return Ok(());
    }
    writeln!(
        out,
        "{}",
        match advice.safety {
            Safety::Safe => "nothing speaks against going back".to_owned(),
            Safety::Unknown =>
                "what it would change is not known: the objects of the revisions could not be read".to_owned(),
            _ => risks(advice),
        }
    )?;
    Ok(())
}

/// The reasons, a sentence each.
pub(super) fn sentences(advice: &Advice) -> String {
    let all: Vec<_> = advice.because.iter().map(|sentence| slo_core::plain(sentence)).collect();
    all.join("\n")
}

/// What speaks against a rollback, a line each.
pub(super) fn risks(advice: &Advice) -> String {
    let all: Vec<String> =
        advice.risks.iter().map(|risk| format!("risk: {}", slo_core::plain(&risk.to_string()))).collect();
    all.join("\n")
}

/// The SLO of a report that decides: one that fails, or else the one that burns fastest.
fn worst(report: &GateReport) -> Option<&SloGate> {
    let burn = |slo: &&SloGate| slo.burn_rate.unwrap_or(-1.0);
    let by_burn = |one: &&SloGate, two: &&SloGate| burn(one).total_cmp(&burn(two));
    let failing = report.slos.iter().filter(|slo| slo.verdict == "fail").max_by(by_burn);
    failing.or_else(|| report.slos.iter().max_by(by_burn))
}

fn json(found: &Found, judged: &Judged, advice: &Advice) -> Value {
    let revision = |revision: &Revision| {
        json!({
            "revision": revision.number,
            "since": revision.at.map(|at| at.to_string()),
            "status": revision.status,
            "description": revision.description,
            "content": revision.content,
            "gate": judged.get(&revision.number).map(GateReport::to_json),
        })
    };
    let pods = found.pods.iter().map(|(object, images, ready, count)| json!({"object": object, "images": images, "ready": ready, "pods": count}));
    json!({
        "release": found.name,
        "condition": Condition::of(found.manager, &found.revisions, crate::time::now()),
        "warnings": found.warnings,
        "revisions": found.revisions.iter().map(revision).collect::<Vec<_>>(),
        "pods": pods.collect::<Vec<_>>(),
        "advice": advice,
    })
}
