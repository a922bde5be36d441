//! What is accepted: suppressions, with a reason and an end.

use super::{Check, Finding, Severity};
use crate::manifest::Object;
use slo_core::model::Timestamp;

/// The annotation of an object: a line for each check, `single-replica until 2027-03-31: the database has one writer`.
const ANNOTATION: &str = "slo.dev/accept";
const DAY: i64 = 86_400_000;

/// Marks the findings that an annotation of their object accepts, and finds annotations that are over or wrong.
pub(super) fn apply(objects: &[Object], now: Timestamp, findings: &mut Vec<Finding>) {
    let mut wrong = Vec::new();
    for object in objects {
        let Some(text) = object.annotation(ANNOTATION) else { continue };
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            match read(line) {
                Ok((_, end, _)) if now.as_millis() >= end.as_millis() + DAY => {
                    wrong.push(bad(object, format!("`{line}` is over since that day")));
                }
                Ok((check, _, _)) => {
                    let of = |finding: &&mut Finding| {
                        finding.check == check
                            && finding.object == object.to_string()
                            && finding.place.file == object.file
                    };
                    for finding in findings.iter_mut().filter(of) {
                        finding.accepted =
                            Some(line.split_once(' ').map_or(line, |(_, rest)| rest).to_owned());
                    }
                }
                Err(why) => wrong.push(bad(object, format!("`{line}` {why}"))),
            }
        }
    }
    findings.extend(wrong);
}

fn bad(object: &Object, why: String) -> Finding {
    let mend = "write `single-replica until 2027-03-31: why this is fine`, a line for each check";
    Finding::of(Check::BadSuppression, Severity::Medium, (object, "metadata.annotations"), why, mend)
}

/// `CHECK until DAY: REASON`
fn read(line: &str) -> Result<(Check, Timestamp, &str), &'static str> {
    let (head, reason) = line.split_once(':').ok_or("gives no reason")?;
    let (check, end) = head.split_once(" until ").ok_or("gives no day on which it ends")?;
    let check = check.trim().parse().map_err(|_| "names no check")?;
    let end = format!("{}T00:00:00Z", end.trim()).parse().map_err(|_| "gives no day on which it ends")?;
    let reason = reason.trim();
    if reason.is_empty() { Err("gives no reason") } else { Ok((check, end, reason)) }
}
