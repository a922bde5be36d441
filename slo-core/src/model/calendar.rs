//! Calendar periods: weeks, months, quarters and years of a time zone.

use super::{Timestamp, Window};
use crate::Error;
use jiff::{Span, civil, tz::TimeZone};
use std::{fmt, str::FromStr};

/// Consecutive calendar periods, such as months, in an IANA time zone.
///
/// Period n begins at the local date and time anchor + n units. It is counted from the anchor each time, so
/// months that begin on the 31st do not drift. A local time that a clock change skips means the first moment
/// after the gap. A local time that occurs twice means the earlier moment. Leap seconds are ignored.
///
/// The time zone database is compiled in, so the same spec gives the same periods everywhere.
///
/// ```
/// use slo_core::model::{Calendar, CalendarUnit};
///
/// let months = Calendar::new(CalendarUnit::Month, "America/New_York")?;
/// // A Sunday: the clocks go forward that day.
/// let march = months.period_at("2026-03-08T12:00:00Z".parse()?)?;
/// assert_eq!(march.seconds(), 743 * 3_600);
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    unit: CalendarUnit,
    anchor: civil::DateTime,
    zone: TimeZone,
}

/// A unit of a [`Calendar`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum CalendarUnit {
    /// A day: 23 to 25 hours.
    Day,
    /// A week that begins on Monday (ISO 8601).
    Week,
    /// A month.
    Month,
    /// Three months.
    Quarter,
    /// A year.
    Year,
}

/// One period of a [`Calendar`], up to but not including the start of the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CalendarPeriod {
    // start < end
    start: Timestamp,
    end: Timestamp,
}

/// A Monday, and the first day of a month and a year.
const USUAL_ANCHOR: civil::DateTime = civil::datetime(2001, 1, 1, 0, 0, 0, 0);

/// Whether a calendar without a custom start has a period that begins at `local`.
fn begins_as_usual(local: civil::DateTime, unit: CalendarUnit) -> bool {
    let is_day = local.time() == civil::Time::midnight();
    is_day
        && match unit {
            CalendarUnit::Day => true,
            CalendarUnit::Week => local.weekday() == civil::Weekday::Monday,
            CalendarUnit::Month => local.day() == 1,
            CalendarUnit::Quarter => local.day() == 1 && local.month() % 3 == 1,
            CalendarUnit::Year => local.day() == 1 && local.month() == 1,
        }
}

impl Calendar {
    /// Periods of `unit` with the usual start: midnight, Monday, the first of the month, January.
    ///
    /// # Errors
    /// An unknown time zone.
    pub fn new(unit: CalendarUnit, zone: &str) -> Result<Self, Error> {
        let known = TimeZone::get(zone).ok().filter(|zone| !zone.is_unknown());
        let zone = known.ok_or_else(|| {
            Error::new(format!("`{zone}` is not a time zone"))
                .with_hint("write an IANA name such as Europe/Berlin")
        })?;
        Ok(Self { unit, anchor: USUAL_ANCHOR, zone })
    }

    /// The same periods, counted from another local date and time such as `2026-01-31 00:00:00`.
    ///
    /// # Errors
    /// Text that is not a date and time, or that contains a time zone.
    pub fn anchored_at(self, local: &str) -> Result<Self, Error> {
        let refuse = || {
            Error::new(format!("`{local}` is not a local date and time"))
                .with_hint("write it as 2026-01-31 00:00:00")
        };
        let plain = local.bytes().all(|byte| byte.is_ascii_digit() || b"-: T".contains(&byte));
        let anchor: civil::DateTime =
            Some(local).filter(|_| plain).and_then(|text| text.parse().ok()).ok_or_else(refuse)?;
        // Calendars with the same periods are equal.
        let anchor = if begins_as_usual(anchor, self.unit) { USUAL_ANCHOR } else { anchor };
        Ok(Self { anchor, ..self })
    }

    /// The unit.
    #[must_use]
    pub const fn unit(&self) -> CalendarUnit {
        self.unit
    }

    /// The time zone's IANA name.
    #[must_use]
    pub fn zone(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }

    /// The local date and time that periods are counted from.
    #[must_use]
    pub fn anchor(&self) -> String {
        self.anchor.strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    /// Whether its periods have the usual start, see [`Calendar::new`].
    #[must_use]
    pub fn is_usual(&self) -> bool {
        self.anchor == USUAL_ANCHOR
    }

    /// The week, month or quarter with a name such as `2026-W45` (ISO 8601), `2026-10` or `2026-Q3`.
    ///
    /// ```
    /// use slo_core::model::{Calendar, CalendarUnit};
    ///
    /// let months = Calendar::new(CalendarUnit::Month, "Europe/Berlin")?;
    /// assert_eq!(months.named("2026-10")?.seconds(), 31 * 86_400 + 3_600); // the clocks go back
    /// assert!(months.named("October").is_err());
    /// let weeks = Calendar::new(CalendarUnit::Week, "UTC")?;
    /// assert_eq!(weeks.named("2026-W45")?.start(), "2026-11-02T00:00:00Z".parse()?); // a Monday
    /// # Ok::<(), slo_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// A name of another form, or a calendar of another unit.
    pub fn named(&self, name: &str) -> Result<CalendarPeriod, Error> {
        let refuse = || {
            let example = match self.unit {
                CalendarUnit::Quarter => "2026-Q3",
                CalendarUnit::Week => "2026-W45",
                _ => "2026-10",
            };
            Error::new(format!("`{name}` is not a {}", self.unit)).with_hint(format!("write it as {example}"))
        };
        let (year, part) = name.split_once('-').filter(|(year, _)| year.len() == 4).ok_or_else(refuse)?;
        let year: i16 = year.parse().map_err(|_| refuse())?;
        let month = |month: Option<i8>| civil::Date::new(year, month?, 15).ok();
        let number = |prefix: char| part.strip_prefix(prefix).and_then(|number| number.parse::<i8>().ok());
        // The middle of a period is in it in every zone.
        let middle = match self.unit {
            CalendarUnit::Month if part.len() == 2 => month(part.parse().ok()),
            CalendarUnit::Quarter => {
                month(number('Q').filter(|number| (1..=4).contains(number)).map(|number| number * 3 - 1))
            }
            CalendarUnit::Week if part.len() == 3 => number('W')
                .and_then(|week| civil::ISOWeekDate::new(year, week, civil::Weekday::Thursday).ok())
                .map(civil::ISOWeekDate::date),
            _ => None,
        };
        let within = middle
            .and_then(|middle| TimeZone::UTC.to_timestamp(middle.at(12, 0, 0, 0)).ok())
            .ok_or_else(refuse)?;
        self.period_at(Timestamp::from_millis(within.as_millisecond()))
    }

    /// The period that contains the moment `time`.
    ///
    /// # Errors
    /// A time near the years −9999 or 9999, or beyond.
    pub fn period_at(&self, time: Timestamp) -> Result<CalendarPeriod, Error> {
        let outside = |_| Error::new(format!("{time} is outside the calendar"));
        let instant = jiff::Timestamp::from_millisecond(time.as_millis()).map_err(outside)?;
        let local = self.zone.to_datetime(instant);
        // A guess that is never late; the anchor's day and clock changes move it by one or two.
        let days = local.date().since(self.anchor.date()).map_err(outside)?.get_days();
        let length = if days < 0 { self.unit.days_at_least() } else { self.unit.days_at_most() };
        let mut number = i64::from(days).div_euclid(length) - 2;
        let mut start = self.start_of(number)?;
        loop {
            let next = self.start_of(number + 1)?;
            if next > time {
                return Ok(CalendarPeriod { start, end: next });
            }
            // Far from the anchor, months and years are shorter than the guess assumed.
            let behind = (time.as_millis() - next.as_millis()) / self.unit.millis_at_most();
            number += 1 + behind.max(0);
            start = if behind > 0 { self.start_of(number)? } else { next };
        }
    }

    /// The nominal length of a period, which alert thresholds are derived from: 1, 7, 30, 90 or 365 days.
    ///
    /// It is the same for all months, so that a page does not come earlier in February.
    #[must_use]
    pub const fn nominal(&self) -> Window {
        Window::days(match self.unit {
            CalendarUnit::Day => 1,
            CalendarUnit::Week => 7,
            CalendarUnit::Month => 30,
            CalendarUnit::Quarter => 90,
            CalendarUnit::Year => 365,
        })
    }

    /// The longest that a period can be, clock changes included.
    #[cfg(feature = "rules")]
    pub(crate) const fn longest(&self) -> Window {
        Window::days(self.unit.days_at_most().unsigned_abs() + 1)
    }

    /// When period `number` begins.
    fn start_of(&self, number: i64) -> Result<Timestamp, Error> {
        let outside = |_| Error::new(format!("period {number} is outside the calendar"));
        let span = match self.unit {
            CalendarUnit::Day => Span::new().try_days(number),
            CalendarUnit::Week => Span::new().try_weeks(number),
            CalendarUnit::Month => Span::new().try_months(number),
            CalendarUnit::Quarter => Span::new().try_months(number * 3),
            CalendarUnit::Year => Span::new().try_years(number),
        };
        let local = self.anchor.checked_add(span.map_err(outside)?).map_err(outside)?;
        let ambiguous = self.zone.to_ambiguous_timestamp(local);
        let instant = match ambiguous.offset() {
            jiff::tz::AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(local),
            // The earlier of the two.
            jiff::tz::AmbiguousOffset::Fold { before, .. } => before.to_timestamp(local),
            // The first moment after the gap. The skipped time, read with the offset before the gap, lies
            // after that moment.
            jiff::tz::AmbiguousOffset::Gap { before, after } => {
                return self.end_of_gap(before.to_timestamp(local), after.to_timestamp(local), outside);
            }
        };
        Ok(Timestamp::from_millis(instant.map_err(outside)?.as_millisecond()))
    }

    /// The moment the clocks jump, which lies between the two readings of a skipped local time.
    fn end_of_gap(
        &self,
        late: Result<jiff::Timestamp, jiff::Error>,
        early: Result<jiff::Timestamp, jiff::Error>,
        outside: impl Fn(jiff::Error) -> Error + Copy,
    ) -> Result<Timestamp, Error> {
        let early = early.map_err(outside)?;
        let late = late.map_err(outside)?;
        let jump = self.zone.following(early).next().map(|transition| transition.timestamp());
        let instant = jump.filter(|jump| *jump <= late).unwrap_or(late);
        Ok(Timestamp::from_millis(instant.as_millisecond()))
    }
}

impl CalendarUnit {
    const fn days_at_least(self) -> i64 {
        match self {
            Self::Day => 1,
            Self::Week => 7,
            Self::Month => 28,
            Self::Quarter => 90,
            Self::Year => 365,
        }
    }

    const fn days_at_most(self) -> i64 {
        match self {
            Self::Day => 1,
            Self::Week => 7,
            Self::Month => 31,
            Self::Quarter => 92,
            Self::Year => 366,
        }
    }

    /// Longer than any period of the unit, clock changes included.
    const fn millis_at_most(self) -> i64 {
        (self.days_at_most() + 1) * 86_400_000
    }
}

impl CalendarPeriod {
    /// Its beginning.
    #[must_use]
    pub const fn start(self) -> Timestamp {
        self.start
    }

    /// The beginning of the next one.
    #[must_use]
    pub const fn end(self) -> Timestamp {
        self.end
    }

    /// Its length in seconds; periods begin on whole seconds.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        self.end.millis_since(self.start) / 1_000
    }

    /// Its length; a time budget is a share of it.
    ///
    /// # Errors
    /// Never for the periods of a calendar, which are shorter than ten years.
    pub fn window(self) -> Result<Window, Error> {
        Window::from_millis(self.end.millis_since(self.start))
    }
}

impl FromStr for CalendarUnit {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        [Self::Day, Self::Week, Self::Month, Self::Quarter, Self::Year]
            .into_iter()
            .find(|unit| unit.to_string() == text)
            .ok_or_else(|| {
                Error::new(format!("`{text}` is not a calendar period"))
                    .with_hint("write `day`, `week`, `month`, `quarter` or `year`")
            })
    }
}

impl fmt::Display for CalendarUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Quarter => "quarter",
            Self::Year => "year",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn moment(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn period(unit: CalendarUnit, zone: &str, at: &str) -> CalendarPeriod {
        Calendar::new(unit, zone).unwrap().period_at(moment(at)).unwrap()
    }

    #[test]
    fn the_same_periods_are_the_same_calendar() {
        let at =
            |unit, start: &str| Calendar::new(unit, "UTC").unwrap().anchored_at(start).unwrap().is_usual();
        for (unit, usual, moved) in [
            (CalendarUnit::Day, "2026-01-31", "2026-01-31 00:00:01"),
            (CalendarUnit::Week, "2026-11-23", "2026-11-24"),
            (CalendarUnit::Month, "2026-02-01", "2026-02-02"),
            (CalendarUnit::Quarter, "2026-10-01", "2026-11-01"),
            (CalendarUnit::Year, "2026-01-01", "2026-04-01"),
        ] {
            assert!(at(unit, usual) && !at(unit, moved), "{unit}");
        }
    }

    #[test]
    fn knows_how_long_months_and_days_are() {
        let hours = |unit, zone, at| period(unit, zone, at).seconds() as f64 / 3_600.0;
        for (unit, zone, at, expected) in [
            (CalendarUnit::Month, "America/New_York", "2026-03-15T00:00:00Z", 743.0),
            (CalendarUnit::Month, "America/New_York", "2026-11-15T00:00:00Z", 721.0),
            (CalendarUnit::Month, "Europe/Berlin", "2026-10-15T00:00:00Z", 745.0),
            (CalendarUnit::Month, "Australia/Lord_Howe", "2026-04-15T00:00:00Z", 720.5),
            (CalendarUnit::Month, "UTC", "2026-02-15T00:00:00Z", 672.0),
            (CalendarUnit::Month, "UTC", "2028-02-15T00:00:00Z", 696.0),
            (CalendarUnit::Day, "America/New_York", "2026-03-08T12:00:00Z", 23.0),
            (CalendarUnit::Day, "America/New_York", "2026-11-01T12:00:00Z", 25.0),
            (CalendarUnit::Week, "UTC", "2026-11-24T12:00:00Z", 168.0),
            (CalendarUnit::Quarter, "UTC", "2026-02-24T12:00:00Z", 2_160.0),
            (CalendarUnit::Year, "UTC", "2028-02-24T12:00:00Z", 8_784.0),
        ] {
            assert!((hours(unit, zone, at) - expected).abs() < 1e-9, "{unit} {zone} {at}");
        }
        assert_eq!(
            period(CalendarUnit::Week, "UTC", "2026-11-24T12:00:00Z").start(),
            moment("2026-11-23T00:00:00Z")
        );
        assert_eq!(
            period(CalendarUnit::Quarter, "UTC", "2026-11-24T12:00:00Z").start(),
            moment("2026-10-01T00:00:00Z")
        );
    }

    #[test]
    fn does_not_drift_from_the_31st() {
        let months =
            Calendar::new(CalendarUnit::Month, "UTC").unwrap().anchored_at("2026-01-31 00:00:00").unwrap();
        for (at, start) in
            [("2026-02-10", "2026-01-31"), ("2026-03-10", "2026-02-28"), ("2026-04-10", "2026-03-31")]
        {
            let period = months.period_at(moment(&format!("{at}T00:00:00Z"))).unwrap();
            assert_eq!(period.start(), moment(&format!("{start}T00:00:00Z")));
        }
    }

    #[test]
    fn skipped_and_repeated_local_times_have_fixed_meanings() {
        let days = |anchor: &str| {
            Calendar::new(CalendarUnit::Day, "Europe/Berlin").unwrap().anchored_at(anchor).unwrap()
        };
        // 02:30 does not exist on 29 March 2026: the clocks jump from 02:00 to 03:00 at 01:00 UTC.
        let spring = days("2026-03-01 02:30:00").period_at(moment("2026-03-29T12:00:00Z")).unwrap();
        assert_eq!(spring.start(), moment("2026-03-29T01:00:00Z"));
        // 02:30 happens twice on 25 October 2026, first at 00:30 UTC.
        let autumn = days("2026-10-01 02:30:00").period_at(moment("2026-10-25T12:00:00Z")).unwrap();
        assert_eq!(autumn.start(), moment("2026-10-25T00:30:00Z"));
    }

    #[test]
    fn refuses_what_is_no_zone_or_time() {
        let error = Calendar::new(CalendarUnit::Day, "Europe/Berlim").unwrap_err();
        assert_eq!(error.hint(), Some("write an IANA name such as Europe/Berlin"));
        let days = Calendar::new(CalendarUnit::Day, "UTC").unwrap();
        assert!(days.clone().anchored_at("2026-01-31T00:00:00Z").is_err());
        assert!(days.clone().anchored_at("tomorrow").is_err());
        assert!(days.period_at(Timestamp::from_millis(i64::MAX)).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]
        #[test]
        fn periods_partition_time(
            seconds in 0..4_000_000_000_i64, unit in 0..5_usize, zone in 0..4_usize, day in 1..32_u8
        ) {
            let unit = [CalendarUnit::Day, CalendarUnit::Week, CalendarUnit::Month, CalendarUnit::Quarter, CalendarUnit::Year][unit];
            let zone = ["UTC", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"][zone];
            let calendar = Calendar::new(unit, zone).unwrap().anchored_at(&format!("2020-01-{day:02} 02:30:00")).unwrap();
            let period = calendar.period_at(Timestamp::from_seconds(seconds)).unwrap();
            prop_assert!((period.start()..period.end()).contains(&Timestamp::from_seconds(seconds)));
            prop_assert_eq!(calendar.period_at(period.end()).unwrap().start(), period.end());
            prop_assert_eq!(calendar.period_at(period.end().before(Window::from_millis(1).unwrap())).unwrap(), period);
        }
    }
}
