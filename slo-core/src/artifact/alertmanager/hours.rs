//! When tickets are sent.

use crate::{Error, yaml::Yaml};
use std::str::FromStr;

/// Hours of some days of the week, in a time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hours {
    /// Days and times as Alertmanager writes them; hours that cross midnight are two spans.
    spans: Vec<(Vec<String>, String, String)>,
    zone: String,
}

impl Hours {
    /// The name of their interval.
    pub(super) const NAME: &'static str = "slo-ticket-hours";

    /// Whether a time is in these hours.
    ///
    /// ```
    /// use slo_core::{artifact::Hours, model::Timestamp};
    ///
    /// let hours: Hours = "Mon-Fri 09:00-17:00 Europe/Berlin".parse()?;
    /// let tuesday: Timestamp = "2026-12-01T08:30:00Z".parse()?;
    /// assert!(hours.contains(tuesday));
    /// assert!(!hours.contains("2026-12-01T17:30:00Z".parse()?));
    /// # Ok::<(), slo_core::Error>(())
    /// ```
    #[cfg(feature = "calendar")]
    #[must_use]
    pub fn contains(&self, time: crate::model::Timestamp) -> bool {
        let instant = jiff::Timestamp::from_millisecond(time.as_millis()).ok();
        let Some((instant, zone)) = instant.zip(jiff::tz::TimeZone::get(&self.zone).ok()) else {
            return false;
        };
        let local = zone.to_datetime(instant);
        let day = usize::try_from(local.weekday().to_sunday_zero_offset()).unwrap_or(0);
        let minute = u32::from(local.hour().unsigned_abs()) * 60 + u32::from(local.minute().unsigned_abs());
        let place = |name: &str| DAYS.iter().position(|day| *day == name);
        let has_day = |range: &String| {
            let (first, last) = range.split_once(':').unwrap_or((range, range));
            place(first).zip(place(last)).is_some_and(|(first, last)| (first..=last).contains(&day))
        };
        self.spans.iter().any(|(days, from, to)| {
            days.iter().any(has_day)
                && minute_of_day(from).is_some_and(|from| from <= minute)
                && minute_of_day(to).is_some_and(|to| minute < to)
        })
    }

    pub(super) fn write(&self, out: &mut Yaml) {
        out.nested("time_intervals", |out| {
            out.item(|out| {
                out.bare("name", Self::NAME);
                out.nested("time_intervals", |out| {
                    for (days, from, to) in &self.spans {
                        out.item(|out| {
                            out.bare("weekdays", format_args!("['{}']", days.join("', '")));
                            out.bare("times", format_args!("[{{start_time: '{from}', end_time: '{to}'}}]"));
                            out.entry("location", &self.zone);
                        });
                    }
                });
            });
        });
    }
}

impl FromStr for Hours {
    type Err = Error;

    /// `Mon-Fri 09:00-17:00 Europe/Berlin`; the default zone is UTC. `Fri-Mon` includes the weekend, and
    /// `22:00-06:00` lasts until the morning after each of the days. They must last at least half an hour,
    /// because Alertmanager checks them only every few minutes.
    fn from_str(text: &str) -> Result<Self, Error> {
        let refuse = |why: &str| {
            Error::new(format!("`{text}` is not a valid range of hours: {why}"))
                .with_hint("write, for example, `Mon-Fri 09:00-17:00 Europe/Berlin`")
        };
        let mut words = text.split_whitespace();
        let (Some(days), Some(times), zone, None) = (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(refuse("it must be days, times and an optional time zone"));
        };
        let day = |name: &str| {
            let lower = name.to_ascii_lowercase();
            DAYS.iter()
                .position(|long| *long == lower || long.get(..3) == Some(&lower))
                .ok_or_else(|| refuse(&format!("`{name}` is not a day of the week")))
        };
        let (first, last) = days.split_once('-').unwrap_or((days, days));
        let (first, last) = (day(first)?, day(last)?);
        let count = (last + DAYS.len() - first) % DAYS.len() + 1;
        let (from, to) =
            times.split_once('-').ok_or_else(|| refuse(&format!("`{times}` is not a span of time")))?;
        let time = |text: &str| {
            minute_of_day(text).ok_or_else(|| refuse(&format!("`{text}` is not a time of the day")))
        };
        let (begin, mut end) = (time(from)?, time(to)?);
        if begin == end {
            return Err(refuse("it ends when it begins"));
        }
        if end < begin {
            end += MINUTES_OF_DAY;
        }
        if end - begin < SHORTEST {
            return Err(refuse(&format!("it lasts less than {SHORTEST} minutes")));
        }
        let zone = known_zone(zone.unwrap_or("UTC"))?;
        let span = |first: usize, from: &str, to: &str| {
            (day_ranges(first % DAYS.len(), count), from.to_owned(), to.to_owned())
        };
        let spans = if from < to {
            vec![span(first, from, to)]
        } else {
            let both = [span(first, from, MIDNIGHT), span(first + 1, "00:00", to)];
            both.into_iter().filter(|(_, from, to)| from != to).collect()
        };
        Ok(Self { spans, zone })
    }
}

/// The days in Alertmanager's order; a range cannot go past the last one.
const DAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

/// `count` days from `first` on, as ranges within a week that begins on Sunday.
fn day_ranges(first: usize, count: usize) -> Vec<String> {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for day in 0..DAYS.len() {
        if (day + DAYS.len() - first) % DAYS.len() >= count {
            continue;
        }
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == day => *last = day,
            _ => ranges.push((day, day)),
        }
    }
    let name = |day: usize| DAYS.get(day).copied().unwrap_or_default();
    let range = |(first, last)| {
        if first == last { name(first).to_owned() } else { format!("{}:{}", name(first), name(last)) }
    };
    ranges.into_iter().map(range).collect()
}

/// The end of a day.
const MIDNIGHT: &str = "24:00";
const MINUTES_OF_DAY: u32 = 24 * 60;
/// The shortest span in minutes, in which a route is flushed several times.
const SHORTEST: u32 = 30;

/// The minute of the day, of `00:00` to `24:00`.
fn minute_of_day(text: &str) -> Option<u32> {
    let number = |text: &str| {
        (text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| text.parse::<u32>().ok())?
    };
    let (hour, minute) = text.split_once(':')?;
    let (hour, minute) = (number(hour)?, number(minute)?);
    let of_day = hour * 60 + minute;
    (minute < 60 && of_day <= MINUTES_OF_DAY).then_some(of_day)
}

#[cfg(feature = "calendar")]
fn known_zone(zone: &str) -> Result<String, Error> {
    // In its official spelling, which Alertmanager requires.
    crate::model::Calendar::new(crate::model::CalendarUnit::Day, zone).map(|days| days.zone().to_owned())
}

#[cfg(not(feature = "calendar"))]
#[expect(clippy::unnecessary_wraps, reason = "the other one refuses")]
fn known_zone(zone: &str) -> Result<String, Error> {
    Ok(zone.to_owned())
}

#[cfg(test)]
mod tests {
    use super::Hours;

    #[test]
    fn reads_hours() {
        let hours: Hours = "Mon 09:00-17:00 europe/berlin".parse().unwrap();
        assert_eq!(hours.zone, if cfg!(feature = "calendar") { "Europe/Berlin" } else { "europe/berlin" });
        let hours: Hours = "mon-Friday 09:00-24:00".parse().unwrap();
        let span = |days: &[&str], from: &str, to: &str| {
            (days.iter().map(|day| (*day).to_owned()).collect::<Vec<_>>(), from.to_owned(), to.to_owned())
        };
        assert_eq!(hours.spans, [span(&["monday:friday"], "09:00", "24:00")]);
        assert_eq!(hours.zone, "UTC");
        let spans = |text: &str| text.parse::<Hours>().unwrap().spans;
        assert_eq!(spans("Sat-Sun 09:00-17:00"), [span(&["sunday", "saturday"], "09:00", "17:00")]);
        assert_eq!(spans("Mon-Sun 00:00-24:00"), [span(&["sunday:saturday"], "00:00", "24:00")]);
        // From Saturday night to Sunday morning.
        let night = [span(&["saturday"], "22:00", "24:00"), span(&["sunday"], "00:00", "06:00")];
        assert_eq!(spans("Sat 22:00-06:00"), night);
        assert_eq!(spans("Sat 22:00-00:00"), [span(&["saturday"], "22:00", "24:00")]);
        for text in [
            "Mon-Fri",
            "Fri-Mo 09:00-17:00",
            "Mon 9:00-17:00",
            "Mon 09:00-17:00 Etc/Unknown",
            "Mon 09:00-09:00",
            "Mon 09:00-09:29",
            "Mon 24:00-00:00",
            "Mon 09:61-17:00",
            "Mon 09:00-25:00",
            "x 09:00-17:00",
            "Mon 09:00-17:00 UTC more",
        ] {
            assert!(text.parse::<Hours>().is_err(), "{text}");
        }
    }
}
