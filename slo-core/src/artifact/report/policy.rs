//! What an error-budget policy says, in words and as JSON.

use super::super::words::{moment, percent};
use crate::{
    model::{Name, Ratio, Timestamp},
    replay::{PolicyStage, PolicyStanding},
};
use serde_json::{Value, json};
use std::fmt::Write;

impl PolicyStanding {
    /// What the policy says now, since when and why, and which incidents need a postmortem: a few sentences. Times are those
    /// of the time zone `zone`.
    ///
    /// ```
    /// use slo_core::{model::{ErrorBudgetPolicy, Ratio, Timestamp}, replay::PolicyStanding};
    ///
    /// let policy = ErrorBudgetPolicy::new(Ratio::ZERO)?.with_exceptions(vec!["security".parse()?]);
    /// let left = [(Timestamp::EPOCH, Some(0.1)), (Timestamp::from_seconds(60), Some(-0.25))];
    /// let standing = PolicyStanding::of(&policy, left, &[])?;
    /// let said = standing.sentences("UTC");
    /// assert!(said.starts_with("Freeze since 1970-01-01 00:01: -25.0 % of the period's budget is left."));
    /// assert!(said.ends_with("Only changes of the kind security may go live, until more than 0 % is left."));
    /// # Ok::<(), slo_core::Error>(())
    /// ```
    #[must_use]
    pub fn sentences(&self, zone: &str) -> String {
        let since = self.since.map(|since| format!(" since {}", moment(since, zone))).unwrap_or_default();
        let left = self.remaining.map(|left| percent(Some(left), 1));
        let until = self.ends_above().map(share).unwrap_or_default();
        let mut said = match (left, self.stage) {
            (None, PolicyStage::Open) => {
                "It is not known how much of the period's budget is left.".to_owned()
            }
            (None, stage) => {
                format!(
                    "It is not known how much of the period's budget is left; the last stage was {}{since}.",
                    stage.as_str()
                )
            }
            (Some(left), PolicyStage::Open) => {
                format!("Releases go on: {left} of the period's budget is left.")
            }
            (Some(left), PolicyStage::Caution) => format!(
                "Caution{since}: {left} of the period's budget is left. Releases go on with care, until more than {until} is left."
            ),
            (Some(left), PolicyStage::Freeze) => {
                let only = match self.policy.exceptions() {
                    [] => "No change may go live".to_owned(),
                    kinds => {
                        let kinds: Vec<&str> = kinds.iter().map(Name::as_str).collect();
                        let kind = if kinds.len() == 1 { "kind" } else { "kinds" };
                        format!("Only changes of the {kind} {} may go live", kinds.join(", "))
                    }
                };
                format!(
                    "Freeze{since}: {left} of the period's budget is left. {only}, until more than {until} is left."
                )
            }
        };
        if let Some(above) = self.policy.postmortem() {
            let incidents: Vec<String> = self
                .postmortems
                .iter()
                .map(|one| format!("{} ({})", moment(one.start, zone), percent(Some(one.price), 1)))
                .collect();
            if !incidents.is_empty() {
                // Writing to a String cannot fail.
                let _ = write!(
                    said,
                    " A postmortem is needed for each incident that spent more than {} of a period's budget: {}.",
                    share(above),
                    incidents.join(", ")
                );
            }
        }
        said
    }

    /// JSON with shares of one, times in milliseconds since the Unix epoch, and `null` for unknown values. The decision is that
    /// on a change of the kind `change`.
    #[must_use]
    pub fn to_json(&self, change: Option<&str>) -> Value {
        let exact = |share: Option<Ratio>| share.map(Ratio::to_f64);
        json!({
            "stage": self.known_stage().map(PolicyStage::as_str),
            "since": self.since.map(Timestamp::as_millis),
            "decision": self.decision(change).as_str(),
            "projected_budget_remaining": self.remaining,
            "ends_above": exact(self.ends_above()),
            "exceptions": self.policy.exceptions().iter().map(Name::as_str).collect::<Vec<_>>(),
            "changes": self.changes.iter().map(|(at, stage)| json!({"at": at.as_millis(), "stage": stage.as_str()})).collect::<Vec<_>>(),
            "postmortem_above": exact(self.policy.postmortem()),
            "postmortems": self.postmortems.iter().map(|one| json!({
                "start": one.start.as_millis(),
                "end": one.end.as_millis(),
                "total": one.tally.total(),
                "bad": one.tally.bad(),
                "budget_spent": one.price,
            })).collect::<Vec<_>>(),
        })
    }
}

fn share(share: Ratio) -> String {
    format!("{} %", share.to_percent())
}
