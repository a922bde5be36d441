//! Converts the times of tables.

#[cfg(feature = "calendar")]
use super::RowError;
#[cfg(feature = "calendar")]
use crate::Error;

/// The end of the year 9999, in seconds.
const LAST: i64 = 253_402_300_800;

/// Seconds since the Unix epoch as milliseconds, rounded; `None` beyond the year 9999, or if it is NaN.
///
/// ```
/// use slo_core::replay::millis_of_seconds;
///
/// assert_eq!(millis_of_seconds(1.5), Some(1_500));
/// assert_eq!(millis_of_seconds(1_796_000_000_000.0), None); // those are milliseconds
/// ```
#[must_use]
pub fn millis_of_seconds(seconds: f64) -> Option<i64> {
    if seconds.abs() > LAST as f64 || seconds.is_nan() {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "it is whole and in range")]
    Some((seconds * 1_000.0).round() as i64)
}

/// Microseconds since the Unix epoch as milliseconds, rounded; `None` beyond the year 9999.
///
/// ```
/// use slo_core::replay::millis_of_micros;
///
/// assert_eq!([1_499, 1_500, -1_500].map(millis_of_micros), [Some(1), Some(2), Some(-1)]);
/// assert_eq!(millis_of_micros(i64::MIN), None);
/// ```
#[must_use]
pub const fn millis_of_micros(micros: i64) -> Option<i64> {
    if micros.unsigned_abs() / 1_000_000 > LAST.unsigned_abs() {
        return None;
    }
    Some((micros + 500).div_euclid(1_000))
}

/// A kind of number that was misread as seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Misread {
    /// Dates, all of them like `20261101`.
    Dates,
    /// Years, all of them like `2026`.
    Years,
}

impl Misread {
    /// The kind of numbers that were misread as seconds, if times in milliseconds look like it; `None`
    /// otherwise.
    ///
    /// ```
    /// use slo_core::replay::Misread;
    ///
    /// assert_eq!(Misread::of(&[20_261_101_000, 20_261_102_000]), Some(Misread::Dates));
    /// assert_eq!(Misread::of(&[1_793_491_200_000, 1_793_577_600_000]), None);
    /// ```
    #[must_use]
    pub fn of(millis: &[i64]) -> Option<Self> {
        let mut seconds = millis.iter().map(|millis| millis / 1_000);
        let is_date = |number: i64| {
            let (year, month, day) = (number / 10_000, number / 100 % 100, number % 100);
            (1_900..2_200).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day)
        };
        if millis.is_empty() || millis.iter().any(|millis| millis % 1_000 != 0) {
            None
        } else if seconds.clone().all(is_date) {
            Some(Self::Dates)
        } else if millis.len() < 300 && seconds.all(|number| (1_900..2_200).contains(&number)) {
            Some(Self::Years)
        } else {
            None
        }
    }
}

/// Local times of a zone, in order, as times since the Unix epoch; all in milliseconds.
///
/// When the clocks go back, an hour repeats: a time is in the first of the two hours as long as times then
/// increase.
///
/// ```
/// use slo_core::replay::zoned;
///
/// // Berlin on 25 October 2026: 02:30, 03:00 minus half an hour again, and 03:30.
/// let hour = 3_600_000;
/// let midnight = 1_792_886_400_000; // 2026-10-25T00:00 on any clock
/// let clock = [midnight + 2 * hour + hour / 2, midnight + 2 * hour + hour / 2, midnight + 3 * hour + hour / 2];
/// let times = zoned(&clock, "Europe/Berlin")?;
/// assert_eq!((times[1] - times[0], times[2] - times[1]), (hour, hour));
/// # Ok::<(), slo_core::replay::RowError>(())
/// ```
///
/// # Errors
/// An unknown zone, or a time that its clocks skip, with its row.
#[cfg(feature = "calendar")]
pub fn zoned(clock: &[i64], zone: &str) -> Result<Vec<i64>, RowError> {
    use jiff::{
        Timestamp,
        tz::{AmbiguousOffset, TimeZone},
    };
    let wrong = |row: usize, error: Error| RowError { row: Some(row), error };
    let zone = TimeZone::get(zone).map_err(|_| {
        let error = Error::new(format!("`{zone}` is not a time zone"));
        RowError {
            row: None,
            error: error.with_hint("write a name of the IANA database, such as Europe/Berlin"),
        }
    })?;
    let mut times: Vec<i64> = Vec::with_capacity(clock.len());
    for (row, shown) in clock.iter().enumerate() {
        let out_of_range = || wrong(row, Error::new("the time is out of range"));
        let shown = Timestamp::from_millisecond(*shown).map_err(|_| out_of_range())?;
        let civil = TimeZone::UTC.to_datetime(shown);
        let ambiguous = zone.to_ambiguous_timestamp(civil);
        let of = |offset: jiff::tz::Offset| offset.to_timestamp(civil).map(Timestamp::as_millisecond);
        let time = match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { offset } => of(offset),
            AmbiguousOffset::Fold { before, after } => of(before).and_then(|first| {
                if times.last().is_some_and(|last| *last >= first) { of(after) } else { Ok(first) }
            }),
            AmbiguousOffset::Gap { .. } => {
                let error = Error::new(format!("the clocks skip the time {civil}"));
                return Err(wrong(
                    row,
                    error.with_hint("check whether the times are in another zone, or in UTC"),
                ));
            }
        };
        times.push(time.map_err(|_| out_of_range())?);
    }
    Ok(times)
}
