//! The `alerting` field of a native document.

use super::{labels::labels, percent};
use crate::{
    Error,
    document::{Faults, Fields, Node, Value, items, parsed, text},
    model::{
        AlertPolicy, BudgetAlert, BurnTier, LabelName, Notification, Objective, Ratio, Severity, Tier, Window,
    },
    spec::template::check_template,
    yaml::Yaml,
};
use std::collections::BTreeMap;

/// The alert settings of an SLO.
#[derive(Default)]
pub(super) struct Alerting {
    pub(super) name: Option<String>,
    pub(super) page: Notification,
    pub(super) ticket: Notification,
    pub(super) budget: Vec<BudgetAlert>,
    pub(super) keep_firing_for: Option<Window>,
    guard: bool,
    fires_at: Option<Ratio>,
    tiers: Vec<RawTier>,
}

/// A tier before its period is known.
struct RawTier {
    burn: BurnTier,
    severity: Severity,
    spends: Spends,
    windows: [Window; 2],
}

enum Spends {
    Share(Ratio),
    Factor(Ratio),
}

impl Alerting {
    /// The alert policy for a period and an objective, or the error and the field that causes it.
    pub(super) fn policy(
        &self,
        period: Window,
        objective: Objective,
    ) -> Result<AlertPolicy, (&'static str, Error)> {
        let own = |error| ("alerting", error);
        let mut policy = if self.tiers.is_empty() {
            AlertPolicy::for_period(period).map_err(|error| ("window", error))?
        } else {
            let tier = |raw: &RawTier| match raw.spends {
                Spends::Share(share) => Tier::by_share(raw.burn, raw.severity, share, raw.windows, period),
                Spends::Factor(factor) => {
                    Tier::by_factor(raw.burn, raw.severity, factor, raw.windows, period)
                }
            };
            let tiers: Result<Vec<Tier>, Error> = self.tiers.iter().map(tier).collect();
            tiers.and_then(AlertPolicy::new).map_err(own)?
        };
        if let Some(at) = self.fires_at {
            policy = policy.firing_at(objective, at).map_err(own)?;
        }
        let to_blame = if self.tiers.is_empty() { "objective" } else { "alerting" };
        policy.check_reachable(objective).map_err(|error| (to_blame, error))?;
        Ok(if self.guard { policy.guarded() } else { policy })
    }
}

const KEYS: [&str; 10] = [
    "name",
    "page",
    "ticket",
    "low_traffic",
    "exhausted",
    "low",
    "absent",
    "keep_firing_for",
    "fires_at",
    "tiers",
];

pub(super) fn alerting(node: &Node, place: &str, faults: &mut Faults) -> Alerting {
    let Some(fields) = Fields::of(node, place, &KEYS, faults) else {
        return Alerting::default();
    };
    let mut read = |name: &str| {
        let node = fields.optional(name)?;
        notification(node, &fields.path(name), faults)
    };
    let (page, ticket) = (read("page").unwrap_or_default(), read("ticket").unwrap_or_default());
    let guard = fields.optional("low_traffic").is_some_and(|node| {
        let place = fields.path("low_traffic");
        match text(node, &place, faults) {
            Some("guard") => true,
            Some(other) => {
                let error = Error::new(format!("`{other}` is not a mode for low traffic"))
                    .with_hint("write `low_traffic: guard`, or leave it out");
                faults.add(node.position, &place, error);
                false
            }
            None => false,
        }
    });
    let fires_at = fields.optional("fires_at").and_then(|node| share(node, &fields.path("fires_at"), faults));
    let keep_firing_for = fields
        .optional("keep_firing_for")
        .and_then(|node| parsed(node, &fields.path("keep_firing_for"), faults));
    let tiers = fields.optional("tiers").map(|node| tiers(node, &fields.path("tiers"), faults));
    Alerting {
        name: fields.text("name", faults).map(str::to_owned),
        page,
        ticket,
        budget: budget_alerts(&fields, faults),
        keep_firing_for,
        guard,
        fires_at,
        tiers: tiers.unwrap_or_default(),
    }
}

fn tiers(node: &Node, place: &str, faults: &mut Faults) -> Vec<RawTier> {
    let items = items(node, place, faults);
    if items.is_empty() && matches!(node.value, Value::List(_)) {
        let error = Error::new("no tiers")
            .with_hint("leave `tiers` out for the default tiers, or write `silent: true` for no alerts");
        faults.add(node.position, place, error);
    }
    items.into_iter().filter_map(|(place, node)| tier(node, &place, faults)).collect()
}

fn tier(node: &Node, place: &str, faults: &mut Faults) -> Option<RawTier> {
    let keys = ["burn_tier", "severity", "spent", "factor", "long", "short"];
    let fields = Fields::of(node, place, &keys, faults)?;
    let burn = fields
        .required("burn_tier", "fast", faults)
        .and_then(|node| parsed(node, &fields.path("burn_tier"), faults));
    let severity = required_severity(&fields, faults);
    let [long, short]: [Option<Window>; 2] =
        [("long", "1h"), ("short", "5m")].map(|(name, example)| fields.parsed(name, example, faults));
    let spends = match (fields.optional("spent"), fields.optional("factor")) {
        (Some(node), None) => percent::read(node, &fields.path("spent"), faults).map(Spends::Share),
        (None, Some(node)) => factor(node, &fields.path("factor"), faults).map(Spends::Factor),
        _ => {
            let error = Error::new("a tier needs either `spent` or `factor`")
                .with_hint("write `spent: 2%`, the share of the budget that is spent when it fires");
            faults.add(fields.position, place, error);
            None
        }
    };
    Some(RawTier { burn: burn?, severity: severity?, spends: spends?, windows: [long?, short?] })
}

/// A number, or a fraction such as `14/15` if it has no decimal form.
fn factor(node: &Node, place: &str, faults: &mut Faults) -> Option<Ratio> {
    let Some((over, under)) = text(node, place, faults)?.split_once('/') else {
        return parsed(node, place, faults);
    };
    let whole = |text: &str| text.trim().parse::<u64>().ok().map(u128::from);
    let quotient = whole(over).zip(whole(under)).and_then(|(over, under)| Ratio::new(over, under).ok());
    if quotient.is_none() {
        let error = Error::new("not a fraction").with_hint("write two whole numbers, such as `14/15`");
        faults.add(node.position, place, error);
    }
    quotient
}

fn budget_alerts(fields: &Fields<'_>, faults: &mut Faults) -> Vec<BudgetAlert> {
    let exhausted = fields.optional("exhausted").and_then(|node| {
        let severity = severity(node, &fields.path("exhausted"), faults)?;
        Some(BudgetAlert::Exhausted { severity })
    });
    let low = fields.optional("low").and_then(|node| {
        let fields = Fields::of(node, &fields.path("low"), &["left", "severity"], faults)?;
        let left =
            fields.required("left", "25%", faults).and_then(|node| share(node, &fields.path("left"), faults));
        let severity = required_severity(&fields, faults);
        Some(BudgetAlert::Low { left: left?, severity: severity? })
    });
    let absent = fields.optional("absent").and_then(|node| {
        let fields = Fields::of(node, &fields.path("absent"), &["for", "severity"], faults)?;
        let hold: Option<Window> = fields.parsed("for", "10m", faults);
        let severity = required_severity(&fields, faults);
        Some(BudgetAlert::Absent { hold: hold?, severity: severity? })
    });
    [exhausted, low, absent].into_iter().flatten().collect()
}

/// Writes a budget alert in the form that [`budget_alerts`] reads.
pub(super) fn write_budget_alert(out: &mut Yaml, alert: &BudgetAlert) {
    match alert {
        BudgetAlert::Exhausted { severity } => out.bare("exhausted", severity),
        BudgetAlert::Low { left, severity } => out.nested("low", |out| {
            out.bare("left", percent::written(*left));
            out.bare("severity", severity);
        }),
        BudgetAlert::Absent { hold, severity } => out.nested("absent", |out| {
            out.bare("for", hold);
            out.bare("severity", severity);
        }),
    }
}

fn required_severity(fields: &Fields<'_>, faults: &mut Faults) -> Option<Severity> {
    let node = fields.required("severity", "ticket", faults)?;
    severity(node, &fields.path("severity"), faults)
}

fn severity(node: &Node, place: &str, faults: &mut Faults) -> Option<Severity> {
    let found = text(node, place, faults)?.parse();
    let found = found.map_err(|error: Error| {
        let hint = "write `page` or `ticket`; to change the label's value, use `alerting.page.labels`";
        faults.add(node.position, place, error.with_hint(hint));
    });
    found.ok()
}

/// A share, as a percentage between 0 and 100.
fn share(node: &Node, place: &str, faults: &mut Faults) -> Option<Ratio> {
    let share = percent::read(node, place, faults)?;
    if share == Ratio::ZERO || share >= Ratio::ONE {
        let error = Error::new("0% and 100% are not allowed here")
            .with_hint("write a percentage above 0% and below 100%, such as 25%");
        faults.add(node.position, place, error);
        return None;
    }
    Some(share)
}

fn notification(node: &Node, place: &str, faults: &mut Faults) -> Option<Notification> {
    let keys = ["labels", "runbook", "dashboard", "response", "annotations", "silent"];
    let fields = Fields::of(node, place, &keys, faults)?;
    let silent = match fields.text("silent", faults) {
        Some("true") => true,
        Some("false") | None => false,
        Some(other) => {
            let error = Error::new(format!("`{other}` is neither `true` nor `false`"))
                .with_hint("write `silent: true` to leave these alerts out");
            faults.add(fields.position, &fields.path("silent"), error);
            false
        }
    };
    Some(Notification {
        labels: labels(&fields, "labels", &[], faults),
        runbook: fields.text("runbook", faults).map(str::to_owned),
        dashboard: fields.text("dashboard", faults).map(str::to_owned),
        response: fields.optional("response").and_then(|node| parsed(node, &fields.path("response"), faults)),
        annotations: annotations(&fields, faults),
        silent,
    })
}

fn annotations(fields: &Fields<'_>, faults: &mut Faults) -> BTreeMap<LabelName, String> {
    let mut all = BTreeMap::new();
    let Some(node) = fields.optional("annotations") else { return all };
    let place = fields.path("annotations");
    let Value::Map(entries) = &node.value else {
        let error = Error::new(format!("expected annotations, found {}", node.kind()))
            .with_hint("write `{summary: Checkout fails}`");
        faults.add(node.position, &place, error);
        return all;
    };
    for (key, value) in entries {
        match LabelName::of_annotation(&key.text) {
            Ok(name) => {
                let Some(text) = text(value, &format!("{place}.{name}"), faults) else { continue };
                check_template(text, value.position, &format!("{place}.{name}"), faults);
                if all.insert(name, text.to_owned()).is_some() {
                    let error = Error::new(format!("`{}` is written twice", key.text));
                    faults.add(key.position, &place, error.with_hint("keep one of them"));
                }
            }
            Err(error) => faults.add(key.position, &place, error),
        }
    }
    all
}
