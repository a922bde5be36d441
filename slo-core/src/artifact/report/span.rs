//! The time that a report covers.

use crate::{
    Error,
    model::{Calendar, CalendarUnit, Timestamp, Window},
};

/// The time that a report covers, and the time before it that it is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReportSpan {
    /// Its title, such as `2026-10`.
    pub title: String,
    /// The start of the time before.
    pub before: Timestamp,
    /// Its start.
    pub start: Timestamp,
    /// Its end.
    pub end: Timestamp,
}

impl ReportSpan {
    /// The time `last` up to `now`.
    #[must_use]
    pub fn last(last: Window, now: Timestamp) -> Self {
        let start = now.before(last);
        Self { title: format!("the last {last}"), before: start.before(last), start, end: now }
    }

    /// A month or a quarter by its name, such as `2026-10` or `2026-Q3`, in the time zone `zone`, up to `now` if it is not over.
    ///
    /// ```
    /// use slo_core::{artifact::ReportSpan, model::{CalendarUnit, Timestamp}};
    ///
    /// let now = Timestamp::from_seconds(1_767_225_600); // 2026-01-01
    /// let month = ReportSpan::named(CalendarUnit::Month, "2025-12", "UTC", now)?;
    /// assert_eq!((month.title.as_str(), month.end), ("2025-12", now));
    /// assert!(ReportSpan::named(CalendarUnit::Month, "2026-02", "UTC", now).is_err());
    /// # Ok::<(), slo_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// A name or a zone that does not exist, or a time that has not begun.
    pub fn named(unit: CalendarUnit, name: &str, zone: &str, now: Timestamp) -> Result<Self, Error> {
        let calendar = Calendar::new(unit, zone)?;
        let period = calendar.named(name)?;
        let before = calendar.period_at(period.start().before(Window::seconds(1)))?;
        if period.start() >= now {
            return Err(Error::new(format!("{name} has not begun")));
        }
        let title = if period.end() > now { format!("{name}, so far") } else { name.to_owned() };
        Ok(Self { title, before: before.start(), start: period.start(), end: period.end().min(now) })
    }
}
