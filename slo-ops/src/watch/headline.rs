//! The first line of a page, for an engineer who was just paged.

use super::{Row, SloState};
use slo_core::page::{burn_rate, duration, percent};

/// The first line of a page: what needs somebody first.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Headline {
    /// The line.
    pub text: String,
    /// A sentence on the rest.
    pub detail: String,
    /// The state that it is about; `None` if there is nothing to say.
    pub state: Option<SloState>,
}

impl Headline {
    /// The headline of all rows.
    #[must_use]
    pub fn of(rows: &[Row]) -> Self {
        let of_state = |state: SloState| rows.iter().filter(|row| row.state == state).count();
        let urgent: Vec<&Row> = rows.iter().filter(|row| row.state <= SloState::Ticket).collect();
        let blind = of_state(SloState::NoRules) + of_state(SloState::NoData);
        let unknown = match blind {
            0 => String::new(),
            1 => " 1 SLO has no data.".to_owned(),
            blind => format!(" {blind} SLOs have no data."),
        };
        let Some(worst) = urgent.iter().min_by(|one, other| one.by_urgency(other)) else {
            let good = of_state(SloState::Ok);
            return if rows.is_empty() {
                Self {
                    text: "There are no SLOs".to_owned(),
                    detail: "The specs have none.".to_owned(),
                    state: None,
                }
            } else if good == 0 {
                Self {
                    text: "There is no data".to_owned(),
                    detail: if of_state(SloState::NoRules) == rows.len() {
                        "Prometheus has recorded none of these SLOs: load the rules of `slo generate`."
                            .to_owned()
                    } else {
                        "The rules are evaluated, but there are no events.".to_owned()
                    },
                    state: Some(SloState::NoData),
                }
            } else {
                let text = if good == 1 {
                    "1 SLO is within its budget".to_owned()
                } else {
                    format!("{good} SLOs are within budget")
                };
                let detail =
                    if blind == 0 { "Nothing to do.".to_owned() } else { unknown.trim_start().to_owned() };
                Self { text, detail, state: Some(SloState::Ok) }
            };
        };
        let name = format!("{} {}", worst.name(), worst.group());
        let name = name.trim_end();
        let burn = burn_rate(worst.burn_rate());
        let text = match (worst.state, worst.status.time_to_exhaustion) {
            (SloState::Spent, _) => format!("{name} has spent its error budget"),
            (SloState::Ticket, _) => {
                let left = percent(worst.status.budget_projected, 1);
                format!("{name} needs a look: {left} of its budget is left")
            }
            (_, Some(seconds)) if seconds <= 0.0 => format!("{name} burns at {burn}: its budget is gone"),
            (_, Some(seconds)) => format!("{name} burns at {burn}: its budget lasts {}", duration(seconds)),
            (_, None) => format!("{name} is alerting"),
        };
        let others = match urgent.len() {
            1 if blind == 0 => "The other SLOs are fine.".to_owned(),
            count => format!("{count} of {} SLOs need attention.{unknown}", rows.len()),
        };
        Self {
            text,
            detail: format!("{} {others}", worst.slo().description()).trim_start().to_owned(),
            state: Some(worst.state),
        }
    }
}
