//! The series that rules record, and their names.

#[cfg(feature = "calendar")]
use crate::model::CalendarUnit;
use crate::model::{LabelName, Labels, MatchOp, Matcher, Period, Selector, Service, Slo, Window};
use std::{
    fmt::{self, Write as _},
    sync::Arc,
};

/// A series that the rules of an SLO record; [`Display`](fmt::Display) writes its name.
///
/// ```
/// use slo_core::{model::Window, rules::{Series, Stream}};
///
/// assert_eq!(Series::Tile(Stream::Bad, Window::minutes(1)).to_string(), "slo:sli_bad:increase1m");
/// assert_eq!(Series::ErrorRatio(Window::days(30).into()).to_string(), "slo:sli_error:ratio30d");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Series {
    /// Counted events of each tile, if the SLO judges something else: time slices, or the events outside of
    /// excluded times.
    Counted(Stream, Window),
    /// Events of each tile as the SLO judges them.
    Tile(Stream, Window),
    /// Share of bad events.
    ErrorRatio(Span),
    /// Burn rate: the error ratio divided by the error ratio that the objective allows.
    BurnRate(Span),
    /// Share of the tiles that were recorded.
    Coverage(Span),
    /// Share of the error budget left, of the events seen so far; negative if overspent.
    BudgetRemaining,
    /// Share of the whole period's error budget left, if no more events are bad.
    BudgetProjected,
    /// The objective, as a constant.
    Objective,
    /// A constant 1 with the labels that describe the SLO.
    Info,
    /// When the current calendar period began, in seconds since the Unix epoch.
    PeriodStart,
    /// When the current calendar period ends, in seconds since the Unix epoch.
    PeriodEnd,
    /// A series under the name that Sloth gives it.
    Sloth(SlothSeries),
}

/// Which events a series counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Stream {
    /// All events.
    Total,
    /// The bad ones.
    Bad,
}

/// The time range of a series: the last hours or days, or the current calendar period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Span {
    /// The time before each evaluation.
    Window(Window),
    /// The time since the current period began.
    #[cfg(feature = "calendar")]
    Calendar(CalendarUnit),
}

/// A series that Sloth also records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SlothSeries {
    /// Share of bad events over a window.
    ErrorRatio(Window),
    /// The objective, as a constant.
    Objective,
    /// The error ratio that the objective allows, as a constant.
    ErrorBudget,
    /// Length of the period in days.
    PeriodDays,
    /// Burn rate over the shortest window.
    CurrentBurnRate,
    /// Burn rate over the period.
    PeriodBurnRate,
    /// Share of the period's error budget left.
    BudgetRemaining,
    /// A constant 1 with the labels that describe the SLO.
    Info,
}

impl Series {
    /// A selector of this series for one SLO, with all of its groups.
    #[must_use]
    pub fn of(self, service: &Service, slo: &Slo) -> Selector {
        let labels = match self {
            Self::Sloth(_) => sloth_identity(service, slo),
            _ => identity(service, slo),
        };
        self.selector(selecting(labels))
    }

    /// A selector of this series with these matchers.
    pub(crate) fn selector(self, matchers: Arc<[Matcher]>) -> Selector {
        // The longest name there is; grown by bytes, it would be moved three times.
        let mut name = String::with_capacity(48);
        let _infallible = write!(name, "{self}");
        Selector::composed(&name, matchers)
    }

    /// Whether each group of an SLO with `by` has its own series. Constants and calendar bounds have no
    /// groups.
    #[must_use]
    pub const fn has_groups(self) -> bool {
        !matches!(
            self,
            Self::Objective
                | Self::Info
                | Self::PeriodStart
                | Self::PeriodEnd
                | Self::Sloth(
                    SlothSeries::Objective
                        | SlothSeries::ErrorBudget
                        | SlothSeries::PeriodDays
                        | SlothSeries::Info
                )
        )
    }

    /// Whether it is made of the events of one tile.
    pub(super) const fn is_tile(self) -> bool {
        matches!(self, Self::Counted(..) | Self::Tile(..))
    }
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Counted(Stream::Total, tile) => write!(f, "slo:events_total:increase{tile}"),
            Self::Counted(Stream::Bad, tile) => write!(f, "slo:events_bad:increase{tile}"),
            Self::Tile(Stream::Total, tile) => write!(f, "slo:sli_total:increase{tile}"),
            Self::Tile(Stream::Bad, tile) => write!(f, "slo:sli_bad:increase{tile}"),
            Self::ErrorRatio(span) => write!(f, "slo:sli_error:ratio{span}"),
            Self::BurnRate(span) => write!(f, "slo:burn_rate:ratio{span}"),
            Self::Coverage(span) => write!(f, "slo:sli_coverage:ratio{span}"),
            Self::BudgetRemaining => f.write_str("slo:error_budget:remaining_ratio"),
            Self::BudgetProjected => f.write_str("slo:error_budget:projected_remaining_ratio"),
            Self::Objective => f.write_str("slo:objective:ratio"),
            Self::Info => f.write_str("slo_info"),
            Self::PeriodStart => f.write_str("slo:calendar_period:start_seconds"),
            Self::PeriodEnd => f.write_str("slo:calendar_period:end_seconds"),
            Self::Sloth(series) => series.fmt(f),
        }
    }
}

impl fmt::Display for SlothSeries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ErrorRatio(window) => write!(f, "slo:sli_error:ratio_rate{window}"),
            Self::Objective => f.write_str("slo:objective:ratio"),
            Self::ErrorBudget => f.write_str("slo:error_budget:ratio"),
            Self::PeriodDays => f.write_str("slo:time_period:days"),
            Self::CurrentBurnRate => f.write_str("slo:current_burn_rate:ratio"),
            Self::PeriodBurnRate => f.write_str("slo:period_burn_rate:ratio"),
            Self::BudgetRemaining => f.write_str("slo:period_error_budget_remaining:ratio"),
            Self::Info => f.write_str("sloth_slo_info"),
        }
    }
}

impl fmt::Display for Span {
    /// `30d`, or `_month` for a calendar period: the end of the series' name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Window(window) => window.fmt(f),
            #[cfg(feature = "calendar")]
            Self::Calendar(unit) => write!(f, "_{unit}"),
        }
    }
}

impl From<Window> for Span {
    fn from(window: Window) -> Self {
        Self::Window(window)
    }
}

impl From<&Period> for Span {
    fn from(period: &Period) -> Self {
        match period {
            Period::Rolling(window) => Self::Window(*window),
            #[cfg(feature = "calendar")]
            Period::Calendar(calendar) => Self::Calendar(calendar.unit()),
        }
    }
}

/// The labels that every series under our own names carries.
pub(super) fn identity(service: &Service, slo: &Slo) -> Labels {
    let label = LabelName::from_static;
    Labels::from([(label("service"), service.name().to_string()), (label("slo"), slo.name().to_string())])
}

/// The labels that every series under Sloth's names carries.
pub(super) fn sloth_identity(service: &Service, slo: &Slo) -> Labels {
    let (service, slo) = (service.name(), slo.name());
    let label = LabelName::from_static;
    Labels::from([
        (label("sloth_id"), format!("{service}-{slo}")),
        (label("sloth_service"), service.to_string()),
        (label("sloth_slo"), slo.to_string()),
    ])
}

/// Matchers of all of these labels.
pub(super) fn selecting(labels: Labels) -> Arc<[Matcher]> {
    labels.into_iter().map(|(label, value)| Matcher { label, op: MatchOp::Equal, value }).collect()
}
