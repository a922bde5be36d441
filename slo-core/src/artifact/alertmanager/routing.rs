//! Who is told, and how.

use crate::{Error, model::Severity};
use std::{fmt, str::FromStr};

/// Who is told of alerts, and how.
///
/// ```
/// use slo_core::artifact::{Routing, alertmanager};
///
/// let text = "{version: slo/v1, service: a, labels: {team: payments}, slos: [{name: b, objective: 99.9%, window: 30d,
///     sli: {events: {total: requests_total, bad: errors_total}}}]}";
/// let services = slo_core::spec::parse(text)?;
/// let mut routing = Routing::new("/etc/alertmanager/secrets");
/// routing.page.push("pagerduty".parse()?);
/// routing.ticket.push("slack:#slo-tickets".parse()?);
/// let config = alertmanager(&services, &routing)?;
/// assert!(config.contains("routing_key_file: '/etc/alertmanager/secrets/payments/pagerduty-routing-key'\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routing {
    /// Where pages go.
    pub page: Vec<Channel>,
    /// Where tickets go.
    pub ticket: Vec<Channel>,
    /// The folder with a folder of secrets for each team.
    pub secrets: String,
    /// When tickets are sent; at all times where it is not given. Outside of them they wait.
    pub ticket_hours: Option<Hours>,
    /// The version of Alertmanager that reads it.
    pub version: AlertmanagerVersion,
    /// Whether only what is to be merged into another configuration is wanted: without a route for other alerts.
    pub fragment: bool,
}

impl Routing {
    /// Routing to nobody yet.
    #[must_use]
    pub fn new(secrets: impl Into<String>) -> Self {
        Self {
            page: Vec::new(),
            ticket: Vec::new(),
            secrets: secrets.into(),
            ticket_hours: None,
            version: AlertmanagerVersion::default(),
            fragment: false,
        }
    }

    pub(super) fn channels(&self, severity: Severity) -> &[Channel] {
        match severity {
            Severity::Page => &self.page,
            Severity::Ticket => &self.ticket,
        }
    }
}

/// A way to tell people.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Channel {
    /// `PagerDuty`, by the integration key in `<team>/pagerduty-routing-key`.
    PagerDuty,
    /// A channel of Slack, by the URL in `<team>/slack-url`.
    Slack {
        /// Such as `#incidents`.
        channel: String,
    },
    /// A web address.
    Webhook {
        /// The address; that in `<team>/webhook-url` where it is not given.
        url: Option<String>,
    },
}

impl FromStr for Channel {
    type Err = Error;

    /// `pagerduty`, `slack:#channel`, `webhook` or `webhook:http://…`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let (kind, detail) = text.split_once(':').map_or((text, None), |(kind, detail)| (kind, Some(detail)));
        match (kind, detail) {
            ("pagerduty", None) => Ok(Self::PagerDuty),
            ("slack", Some(channel)) if channel.len() > 1 && channel.starts_with(['#', '@']) => {
                Ok(Self::Slack { channel: channel.to_owned() })
            }
            ("webhook", None) => Ok(Self::Webhook { url: None }),
            ("webhook", Some(url)) if url.starts_with("http://") || url.starts_with("https://") => {
                Ok(Self::Webhook { url: Some(url.to_owned()) })
            }
            _ => Err(Error::new(format!("`{text}` is no way to tell people"))
                .with_hint("write `pagerduty`, `slack:#channel`, `webhook` or `webhook:https://…`")),
        }
    }
}

/// Hours of some days of the week, in a time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hours {
    /// Days and times as Alertmanager writes them; hours that go on after midnight are two.
    pub(super) spans: Vec<(Vec<String>, String, String)>,
    pub(super) zone: String,
}

/// In Alertmanager's order, whose ranges cannot go beyond it.
const DAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

/// Some days from `first` on, as ranges within a week that begins on a Sunday.
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

impl FromStr for Hours {
    type Err = Error;

    /// `Mon-Fri 09:00-17:00 Europe/Berlin`; the zone is UTC where it is not given. `Fri-Mon` is over the week's end, and
    /// `22:00-06:00` until the morning after each of the days. They last half an hour or longer, since Alertmanager looks
    /// every few minutes.
    fn from_str(text: &str) -> Result<Self, Error> {
        let refuse = |why: &str| {
            Error::new(format!("`{text}` are no hours: {why}"))
                .with_hint("write them as `Mon-Fri 09:00-17:00 Europe/Berlin`")
        };
        let mut words = text.split_whitespace();
        let (Some(days), Some(times), zone, None) = (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(refuse("they are days, times and a time zone"));
        };
        let day = |name: &str| {
            let lower = name.to_ascii_lowercase();
            DAYS.iter()
                .position(|long| *long == lower || long.get(..3) == Some(&lower))
                .ok_or_else(|| refuse(&format!("`{name}` is no day of the week")))
        };
        let (first, last) = days.split_once('-').unwrap_or((days, days));
        let (first, last) = (day(first)?, day(last)?);
        let count = (last + DAYS.len() - first) % DAYS.len() + 1;
        let (from, to) =
            times.split_once('-').ok_or_else(|| refuse(&format!("`{times}` is no span of time")))?;
        let time = |text: &str| {
            minute_of_day(text).ok_or_else(|| refuse(&format!("`{text}` is no time of the day")))
        };
        let (begin, mut end) = (time(from)?, time(to)?);
        if begin == end {
            return Err(refuse("they end when they begin"));
        }
        if end < begin {
            end += MINUTES_OF_DAY;
        }
        if end - begin < SHORTEST {
            return Err(refuse(&format!("they last less than {SHORTEST} minutes")));
        }
        let zone = zone.unwrap_or("UTC");
        check_zone(zone)?;
        let span = |first: usize, from: &str, to: &str| {
            (day_ranges(first % DAYS.len(), count), from.to_owned(), to.to_owned())
        };
        let spans = if from < to {
            vec![span(first, from, to)]
        } else {
            let both = [span(first, from, MIDNIGHT), span(first + 1, "00:00", to)];
            both.into_iter().filter(|(_, from, to)| from != to).collect()
        };
        Ok(Self { spans, zone: zone.to_owned() })
    }
}

/// The end of a day.
const MIDNIGHT: &str = "24:00";
const MINUTES_OF_DAY: u32 = 24 * 60;
/// Minutes; some flushes of a route are in it.
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
fn check_zone(zone: &str) -> Result<(), Error> {
    crate::model::Calendar::new(crate::model::CalendarUnit::Day, zone).map(|_| ())
}

#[cfg(not(feature = "calendar"))]
#[expect(clippy::unnecessary_wraps, reason = "the other one refuses")]
fn check_zone(_zone: &str) -> Result<(), Error> {
    Ok(())
}

/// A version of Alertmanager.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AlertmanagerVersion {
    major: u32,
    minor: u32,
}

impl AlertmanagerVersion {
    /// Knows time zones and routing keys in files: the oldest that is written for.
    const OLDEST: Self = Self { major: 0, minor: 25 };
    /// Knows web addresses in files.
    pub(super) const URL_FILE: Self = Self { major: 0, minor: 26 };
}

impl Default for AlertmanagerVersion {
    /// The newest that this was tried with.
    fn default() -> Self {
        Self { major: 0, minor: 33 }
    }
}

impl fmt::Display for AlertmanagerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for AlertmanagerVersion {
    type Err = Error;

    /// `0.27`, `v0.27.0`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let mut parts = text.strip_prefix('v').unwrap_or(text).split('.').map(str::parse::<u32>);
        let (Some(Ok(major)), Some(Ok(minor))) = (parts.next(), parts.next()) else {
            return Err(Error::new(format!("`{text}` is no version")).with_hint("write it as `0.27`"));
        };
        let version = Self { major, minor };
        if version < Self::OLDEST {
            return Err(Error::new(format!("Alertmanager {version} is older than {}", Self::OLDEST))
                .with_hint("it knows no time zones and no secrets in files; upgrade it"));
        }
        Ok(version)
    }
}
