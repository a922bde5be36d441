//! What to do about a release.

use super::{Condition, GateReport, Manager, Revision, RevisionStatus, Risk, RiskKind, rollback_risks};
use serde::Serialize;
use slo_core::model::Timestamp;
use std::collections::BTreeMap;

/// What to do about a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Advice {
    /// Whether nothing is to be done.
    pub is_well: bool,
    /// Why, in sentences.
    pub because: Vec<String>,
    /// The revision to go back to.
    pub to: Option<u64>,
    /// The command that does so, or removes what cannot be mended; `None` if nothing is to be done.
    pub command: Option<Vec<String>>,
    /// Whether something speaks against the command.
    pub safety: Safety,
    /// What the command would do beside what it is meant to.
    pub risks: Vec<Risk>,
}

/// Whether something speaks against a rollback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Safety {
    /// Nothing.
    Safe,
    /// Somebody must look at something first.
    Check,
    /// Data would be lost, or Kubernetes would refuse it.
    Unsafe,
    /// The objects of the revisions are not known.
    Unknown,
}

/// Before that, something that is pending may still be going on: Helm's default for `--timeout`.
const STUCK_AFTER: u64 = 300;

/// What to do about the release `name` in `namespace`, given what the SLOs say of the revisions.
///
/// The last good revision is the latest before the last one that was live and passes by its SLOs. Where no SLO tells, it is the
/// one that is live beside the last one, or else the latest that was live and did not fail. Nothing that was ever live is
/// removed.
#[must_use]
pub fn advise(
    manager: Manager,
    (name, namespace): (&str, Option<&str>),
    revisions: &[Revision],
    judged: &BTreeMap<u64, GateReport>,
    now: Timestamp,
) -> Advice {
    let mut advice = Advice {
        is_well: false,
        because: Vec::new(),
        to: None,
        command: None,
        safety: Safety::Unknown,
        risks: Vec::new(),
    };
    let (Some(last), Some(condition)) = (revisions.last(), Condition::of(manager, revisions, now)) else {
        advice.because.push("there is no release of this name".to_owned());
        return advice;
    };
    let verdict = |number: u64| judged.get(&number).map(GateReport::verdict);
    if says_all(&mut advice, (name, namespace), last, &condition, verdict(last.number)) {
        return advice;
    }
    let was_live = |revision: &&Revision| revision.number < last.number && revision.status.was_live();
    let Some((to, why)) = last_good(manager, revisions, last, &verdict) else {
        if revisions.iter().any(|revision| was_live(&revision)) {
            advice.because.push("every earlier revision fails by its SLO as well, or has the same content: going back mends nothing".to_owned());
            advice.risks.clear();
        } else if manager == Manager::Helm && !last.status.was_live() {
            advice.because.push(
                "no earlier revision was completed: remove the release, and install it again".to_owned(),
            );
            uninstall(&mut advice, name, namespace);
        } else {
            advice.because.push("there is no earlier revision to go back to".to_owned());
        }
        return advice;
    };
    advice.because.push(why);
    advice.to = Some(to);
    match manager {
        Manager::Helm => {
            let words = ["helm", "rollback", name, &to.to_string(), "--wait", "--timeout", "5m"];
            advice.command = Some(command(&words, namespace));
            match rollback_risks(revisions, to) {
                Some(risks) => {
                    advice.risks.extend(risks);
                    advice.risks.sort_by_key(|risk| risk.kind);
                    advice.safety = match advice.risks.first().map(|risk| risk.kind) {
                        None => Safety::Safe,
                        Some(RiskKind::Check) => Safety::Check,
                        Some(RiskKind::LosesData | RiskKind::Refused) => Safety::Unsafe,
                    };
                }
                None => advice.safety = Safety::Unknown,
            }
        }
        Manager::Kubernetes => {
            let object = format!("deployment/{name}");
            let words = ["kubectl", "rollout", "undo", &object, &format!("--to-revision={to}")];
            advice.command = Some(command(&words, namespace));
            // Nothing but the pods changes.
            advice.safety = Safety::Safe;
            advice.because.push(
                "an undo changes the pods only: ConfigMaps, Secrets and the schema of a database stay as they are".to_owned(),
            );
        }
    }
    advice
}

/// What the condition of a release says; whether that is all.
fn says_all(
    advice: &mut Advice,
    (name, namespace): (&str, Option<&str>),
    last: &Revision,
    condition: &Condition,
    verdict: Option<&str>,
) -> bool {
    let said = match verdict {
        Some("pass") => ", and passes by its SLO",
        Some("fail") => ", and fails by its SLO",
        Some(_) => ", and has too few events for a verdict of its SLO",
        None => "",
    };
    match condition {
        Condition::Live => {
            advice.because.push(format!("revision {} is live{said}", last.number));
            if verdict != Some("fail") {
                advice.is_well = true;
                return true;
            }
        }
        Condition::Progressing => {
            advice.is_well = verdict != Some("fail");
            advice.because.push(format!(
                "revision {} is being rolled out{said}; the Deployment says itself when that takes too long",
                last.number
            ));
            if advice.is_well {
                return true;
            }
        }
        Condition::Removed => {
            advice.because.push(format!("the release was removed with revision {}", last.number));
            return true;
        }
        Condition::Stuck { seconds } => {
            let waits = seconds.map_or_else(String::new, |seconds| {
                format!(" for {}", slo_core::page::duration(seconds as f64))
            });
            let status = last.status;
            if seconds.is_some_and(|seconds| seconds < STUCK_AFTER) {
                advice.because.push(format!(
                    "revision {} is {status}{waits}: whoever works on it may still be at it. Wait, and ask again",
                    last.number
                ));
                return true;
            }
            advice.because.push(format!(
                "revision {} is {status}{waits}: whoever worked on it has died, unless its `--timeout` is longer than that. Helm refuses \
                 upgrades as long as it is",
                last.number
            ));
            advice.risks.push(Risk {
                kind: RiskKind::Check,
                object: format!("revision {}", last.number),
                text:
                    "make sure that nobody works on it any more, such as a pipeline with a long `--timeout`"
                        .to_owned(),
            });
            if status == RevisionStatus::Uninstalling {
                advice.because.push("removing it again ends what was begun".to_owned());
                uninstall(advice, name, namespace);
                return true;
            }
        }
        Condition::Failed { cause, .. } => {
            advice.because.push(format!("revision {} failed ({cause}): {}", last.number, cause.advice()));
        }
    }
    false
}

fn uninstall(advice: &mut Advice, name: &str, namespace: Option<&str>) {
    advice.command = Some(command(&["helm", "uninstall", name, "--wait"], namespace));
    advice.safety = Safety::Check;
    advice.risks.push(Risk {
        kind: RiskKind::Check,
        object: name.to_owned(),
        text: "all objects of the release are deleted".to_owned(),
    });
}

/// The last good revision before `last`, and why it is that one.
fn last_good<'a>(
    manager: Manager,
    revisions: &[Revision],
    last: &Revision,
    verdict: &impl Fn(u64) -> Option<&'a str>,
) -> Option<(u64, String)> {
    // What is live and fails is not mended by its own content.
    let is_same =
        |revision: &Revision| last.status.was_live() && last.origin(revisions) == revision.origin(revisions);
    let candidates = || {
        let earlier = revisions.iter().rev().filter(|revision| revision.number < last.number);
        earlier.filter(|revision| revision.status.was_live() && !is_same(revision))
    };
    let ran = if manager == Manager::Helm { "was completed" } else { "ran before" };
    if let Some(found) = candidates().find(|revision| verdict(revision.number) == Some("pass")) {
        return Some((
            found.number,
            format!("revision {} is the last one that {ran} and passes by its SLO", found.number),
        ));
    }
    let may = |revision: &&Revision| verdict(revision.number) != Some("fail");
    let beside = candidates().filter(may).find(|revision| revision.status == RevisionStatus::Deployed);
    let found = beside.or_else(|| candidates().find(may))?;
    let known = match verdict(found.number) {
        Some(_) => "and has too few events for a verdict of its SLO",
        None => "and nothing is known of its SLO",
    };
    Some((found.number, format!("revision {} {ran}, {known}", found.number)))
}

fn command(words: &[&str], namespace: Option<&str>) -> Vec<String> {
    let mut words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    if let Some(namespace) = namespace {
        words.extend(["--namespace".to_owned(), namespace.to_owned()]);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::{Gate, GateCounts, GateRun, OldVersion, helm_history};
    use slo_core::math::Tally;

    fn at(minute: u32) -> String {
        format!("2026-11-27T20:{minute:02}:00Z")
    }

    fn advised(history: &[(u64, &str, &str)], judged: &[(u64, u64, u64)], minute: u32) -> Advice {
        let entries: Vec<_> = history
            .iter()
            .map(|(revision, status, description)| {
                serde_json::json!({"revision": revision, "updated": at(u32::try_from(*revision).unwrap()), "status": status, "description": description})
            })
            .collect();
        let revisions = helm_history(&serde_json::json!(entries).to_string(), &[]).unwrap();
        let judged = judged.iter().map(|(revision, total, bad)| {
            let tally = Tally::new(*total, *bad).unwrap();
            let counts =
                GateCounts::given("a/b".to_owned(), "99%".parse().unwrap(), tally, OldVersion::Unknown);
            (*revision, GateRun::default().look(&Gate::default(), &[counts]).unwrap())
        });
        let judged = judged.collect();
        advise(Manager::Helm, ("api", Some("shop")), &revisions, &judged, at(minute).parse().unwrap())
    }

    const LIVE: [(u64, &str, &str); 3] = [
        (1, "superseded", "Install complete"),
        (2, "superseded", "Upgrade complete"),
        (3, "deployed", "Upgrade complete"),
    ];

    #[test]
    fn a_release_that_works_stays() {
        let advice = advised(&LIVE, &[(3, 1_000, 1)], 30);
        assert_eq!((advice.to, advice.command), (None, None));
        assert_eq!(advice.because, ["revision 3 is live, and passes by its SLO"]);
        assert_eq!(advised(&[], &[], 30).because, ["there is no release of this name"]);
    }

    #[test]
    fn goes_back_to_the_last_revision_that_was_good_by_its_slo() {
        let advice = advised(&LIVE, &[(1, 1_000, 1), (2, 1_000, 90), (3, 1_000, 300)], 30);
        assert_eq!(advice.to, Some(1));
        assert_eq!(
            advice.command.unwrap().join(" "),
            "helm rollback api 1 --wait --timeout 5m --namespace shop"
        );
        assert_eq!(advice.safety, Safety::Unknown);
        // Where no revision passes, one that is not known to be bad.
        let advice = advised(&LIVE, &[(2, 5, 0), (3, 1_000, 300)], 30);
        assert_eq!(
            (advice.to, advice.because[1].as_str()),
            (Some(2), "revision 2 was completed, and has too few events for a verdict of its SLO")
        );
        // Where all are bad, none.
        assert_eq!(advised(&LIVE, &[(1, 1_000, 90), (2, 1_000, 90), (3, 1_000, 300)], 30).to, None);
    }

    /// What is live is not removed, however bad it is.
    #[test]
    fn nothing_that_was_live_is_removed() {
        let failed =
            [(1, "deployed", "Install complete"), (2, "failed", "Upgrade failed: context deadline exceeded")];
        let advice = advised(&failed, &[(1, 1_000, 300)], 30);
        assert_eq!((advice.to, advice.command, advice.is_well), (None, None, false));
        assert!(advice.because[1].contains("going back mends nothing"), "{:?}", advice.because);
        let advice = advised(&LIVE, &[(1, 1_000, 90), (2, 1_000, 90), (3, 1_000, 300)], 30);
        assert_eq!((advice.command, advice.is_well), (None, false));
        let removing = [(1, "superseded", "Install complete"), (2, "uninstalling", "Deletion in progress")];
        assert_eq!(
            advised(&removing, &[], 30).command.unwrap().join(" "),
            "helm uninstall api --wait --namespace shop"
        );
    }

    #[test]
    fn the_content_is_followed_through_rollbacks() {
        let history = [
            (1, "superseded", "Install complete"),
            (2, "superseded", "Upgrade complete"),
            (3, "superseded", "Rollback to 1"),
            (4, "superseded", "Upgrade complete"),
            (5, "deployed", "Rollback to 3"),
        ];
        // 1 and 3 have the content of 5, which fails.
        let advice = advised(&history, &[(2, 1_000, 300), (4, 1_000, 300), (5, 1_000, 300)], 30);
        assert_eq!((advice.to, advice.command), (None, None));
    }

    #[test]
    fn a_rollback_to_the_same_content_is_none() {
        let restored = [LIVE[0], LIVE[1], (3, "deployed", "Rollback to 2")];
        assert_eq!(advised(&restored, &[(3, 1_000, 300)], 30).to, Some(1));
    }

    #[test]
    fn what_is_pending_may_still_be_going_on() {
        let pending = [LIVE[0], (2, "pending-upgrade", "Preparing upgrade")];
        let early = advised(&pending, &[], 4);
        assert_eq!(early.command, None);
        assert!(early.because[0].contains("may still be at it"), "{:?}", early.because);
        let late = advised(&pending, &[], 30);
        // Helm says `superseded` of a revision that another one has followed; here 1 was live when 2 began.
        assert_eq!(late.to, Some(1));
        assert!(late.because[0].contains("has died, unless its `--timeout`"), "{:?}", late.because);
        assert_eq!(late.risks[0].kind, RiskKind::Check);
        let first = advised(&[(1, "pending-install", "Initial install underway")], &[], 30);
        assert_eq!(first.command.unwrap().join(" "), "helm uninstall api --wait --namespace shop");
    }

    #[test]
    fn says_why_a_revision_failed() {
        for (message, told) in [
            (
                "Upgrade \"api\" failed: cannot patch \"api\" with kind Deployment: spec.selector: field is immutable",
                "(immutable field)",
            ),
            ("Upgrade \"api\" failed: context deadline exceeded", "(timeout)"),
            (
                "Upgrade \"api\" failed: resource Deployment/h/api not ready. status: InProgress\ncontext deadline exceeded",
                "(timeout)",
            ),
            ("Upgrade \"api\" failed: context canceled", "(cancelled)"),
            (
                "Upgrade \"api\" failed: pre-upgrade hooks failed: job failed: BackoffLimitExceeded",
                "(failed hook)",
            ),
            ("something new", "(failed)"),
        ] {
            let advice = advised(&[(1, "deployed", ""), (2, "failed", message)], &[], 30);
            assert!(advice.because[0].contains(told), "{message}: {:?}", advice.because);
            assert_eq!(advice.to, Some(1));
        }
    }
}
