//! Measures against noise, and what each would have spared.

use super::{
    AlertKey, NoiseRules, Pair,
    priced::{Priced, flaps},
};
use serde::Serialize;
use slo_core::model::Window;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// A measure against noise, replayed on the history that it is proposed for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "measure", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Measure {
    /// Fire only after the condition has held for some time: `for` in the rule.
    Hold {
        /// The alert.
        alert: AlertKey,
        /// How long, as a duration of Prometheus.
        hold: String,
        /// Firings that would not have been: those that ended within that time.
        spared: u64,
        /// Firings that were worth it, and would have come so much later.
        delayed: u64,
    },
    /// Keep firing for some time after the condition has ended: `keep_firing_for` in the rule.
    Keep {
        /// The alert.
        alert: AlertKey,
        /// How long, as a duration of Prometheus.
        keep: String,
        /// Firings that would have been part of the one before.
        spared: u64,
    },
    /// Do not send an alert while another one fires: `inhibit_rules` of Alertmanager.
    Inhibit {
        /// The other one.
        source: AlertKey,
        /// The alert that is not sent.
        target: AlertKey,
        /// Firings that would not have been sent.
        spared: u64,
    },
    /// Send a ticket in place of a page: no page was worth it.
    Ticket {
        /// The alert.
        alert: AlertKey,
        /// Pages that would have been tickets.
        spared: u64,
    },
}

impl Measure {
    /// How many firings it would have spared.
    #[must_use]
    pub const fn spared(&self) -> u64 {
        match self {
            Self::Hold { spared, .. }
            | Self::Keep { spared, .. }
            | Self::Inhibit { spared, .. }
            | Self::Ticket { spared, .. } => *spared,
        }
    }

    /// What to write, and where: YAML for the rule, or for Alertmanager.
    #[must_use]
    pub fn snippet(&self) -> String {
        let quoted = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let matchers = |key: &AlertKey| {
            let mut all = vec![format!("alertname = \"{}\"", quoted(&key.alert))];
            let pairs = [("service", &key.service), ("slo", &key.slo)];
            all.extend(
                pairs
                    .into_iter()
                    .filter(|(_, value)| !value.is_empty())
                    .map(|(name, value)| format!("{name} = \"{}\"", quoted(value))),
            );
            if key.severity != "none" {
                all.push(format!("severity = \"{}\"", quoted(&key.severity)));
            }
            let quoted: Vec<String> =
                all.iter().map(|matcher| format!("'{}'", matcher.replace('\'', "''"))).collect();
            format!("[{}]", quoted.join(", "))
        };
        match self {
            Self::Hold { alert, hold, .. } => format!("# in the rule {}\nfor: {hold}\n", alert.alert),
            Self::Keep { alert, keep, .. } => {
                format!("# in the rule {}\nkeep_firing_for: {keep}\n", alert.alert)
            }
            Self::Inhibit { source, target, .. } => {
                let equal = if !source.service.is_empty() && source.service == target.service {
                    "\n    equal: [service]"
                } else {
                    ""
                };
                format!(
                    "# in the configuration of Alertmanager\ninhibit_rules:\n  - source_matchers: {}\n    target_matchers: {}{equal}\n",
                    matchers(source),
                    matchers(target)
                )
            }
            Self::Ticket { alert, .. } => {
                format!("# in the rule {}\nlabels: {{severity: ticket}}\n", alert.alert)
            }
        }
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hold { alert, hold, delayed, .. } => {
                write!(f, "{alert}: fire only after {hold}")?;
                if *delayed > 0 {
                    write!(f, " ({delayed} that were worth it would come so much later)")?;
                }
                Ok(())
            }
            Self::Keep { alert, keep, .. } => write!(f, "{alert}: keep firing for {keep}"),
            Self::Inhibit { source, target, .. } => {
                write!(f, "{target}: do not send it while {source} fires")
            }
            Self::Ticket { alert, .. } => write!(f, "{alert}: send a ticket, no page was worth it"),
        }
    }
}

/// The times to hold that are tried.
const HOLDS: [Window; 5] =
    [Window::minutes(5), Window::minutes(10), Window::minutes(15), Window::minutes(30), Window::hours(1)];
/// The fewest firings that a measure is worth.
const LEAST: u64 = 3;
/// The fewest pages, none of which was worth it, that make a ticket.
const LEAST_PAGES: usize = 5;

/// What would have spared firings, the most first.
pub(super) fn measures(
    by_key: &BTreeMap<AlertKey, Vec<Priced<'_>>>,
    pairs: &[Pair],
    rules: &NoiseRules,
) -> Vec<Measure> {
    let mut found = Vec::new();
    // Alerts of SLOs have windows that do what `for` does; see `what_if`.
    for (key, firings) in by_key.iter().filter(|(key, _)| key.slo.is_empty()) {
        found.extend(hold(key, firings, rules));
        let spared = flaps(firings, rules.flap);
        if spared >= LEAST {
            found.push(Measure::Keep { alert: key.clone(), keep: rules.flap.to_string(), spared });
        }
    }
    for (key, firings) in by_key.iter().filter(|(key, _)| key.is_page()) {
        let nothing = firings.iter().filter(|one| one.was_worth(rules) == Some(false)).count();
        if nothing >= LEAST_PAGES && nothing == firings.len() {
            found.push(Measure::Ticket { alert: key.clone(), spared: nothing as u64 });
        }
    }
    let mut inhibited = BTreeSet::new();
    for pair in pairs
        .iter()
        .filter(|pair| pair.together >= LEAST && (pair.source.is_page() || !pair.target.is_page()))
    {
        // Once is enough, by an alert that is sent itself.
        if !inhibited.contains(&pair.source) && inhibited.insert(&pair.target) {
            found.push(Measure::Inhibit {
                source: pair.source.clone(),
                target: pair.target.clone(),
                spared: pair.together,
            });
        }
    }
    found.sort_by_key(|measure| std::cmp::Reverse(measure.spared()));
    found
}

/// The shortest time to hold that spares half of the firings, none of which was worth it.
fn hold(key: &AlertKey, firings: &[Priced<'_>], rules: &NoiseRules) -> Option<Measure> {
    // Nobody should lose pages whose worth is not known.
    if key.is_page() && firings.iter().any(|one| one.spent.is_none()) {
        return None;
    }
    HOLDS.into_iter().find_map(|hold| {
        let ends_within = |one: &&Priced<'_>| one.firing.ended < one.firing.began.after(hold);
        let spared = firings.iter().filter(ends_within).count();
        let is_worth = |one: &&Priced<'_>| one.was_worth(rules) == Some(true);
        let loses = firings.iter().filter(ends_within).any(|one| is_worth(&one));
        if spared as u64 >= LEAST && spared * 2 >= firings.len() && !loses {
            let delayed = firings.iter().filter(is_worth).count() as u64;
            Some(Measure::Hold { alert: key.clone(), hold: hold.to_string(), spared: spared as u64, delayed })
        } else {
            None
        }
    })
}
