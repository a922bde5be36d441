//! The time that a report covers.

use crate::{args::Report as Asked, error::Error, time};
use slo_core::model::{Calendar, CalendarUnit, Timestamp, Window};

/// A span of time, and the start of the span before it.
pub(super) struct Span {
    pub(super) title: String,
    pub(super) before: Timestamp,
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
}

impl Span {
    pub(super) fn of(asked: &Asked) -> Result<Self, Error> {
        let now = asked.end.unwrap_or_else(time::now);
        let calendar = |unit| Calendar::new(unit, &asked.time_zone);
        let (unit, name) = match (&asked.month, &asked.quarter) {
            (Some(month), _) => (CalendarUnit::Month, month),
            (_, Some(quarter)) => (CalendarUnit::Quarter, quarter),
            _ => {
                let start = now.before(asked.last);
                let before = start.before(asked.last);
                return Ok(Self { title: format!("the last {}", asked.last), before, start, end: now });
            }
        };
        let calendar = calendar(unit)?;
        let period = calendar.named(name)?;
        let before = calendar.period_at(period.start().before(Window::seconds(1)))?;
        if period.start() >= now {
            return Err(Error::Input(format!("{name} has not begun")));
        }
        let title = if period.end() > now { format!("{name}, so far") } else { name.clone() };
        Ok(Self { title, before: before.start(), start: period.start(), end: period.end().min(now) })
    }
}
