//! Numbers and times as text, and pages.

use crate::{
    model::Timestamp,
    page::{STYLE, escape},
};

/// A share as a percentage.
pub(super) fn percent(share: Option<f64>, decimals: usize) -> String {
    share.map_or_else(|| "–".to_owned(), |share| format!("{:.decimals$} %", share * 100.0))
}

/// A length of time, in seconds, minutes or hours.
pub(super) fn length(millis: u64) -> String {
    match millis as f64 / 60_000.0 {
        minutes if minutes < 2.0 => format!("{:.0} s", minutes * 60.0),
        minutes if minutes < 120.0 => format!("{minutes:.0} min"),
        minutes if minutes < 2.0 * 1_440.0 => format!("{:.1} h", minutes / 60.0),
        minutes => format!("{:.1} d", minutes / 1_440.0),
    }
}

/// A moment in a zone.
pub(super) fn moment(time: Timestamp, zone: &str) -> String {
    local_time(time, zone, "%Y-%m-%d %H:%M")
}

/// A day in a zone.
pub(super) fn day(time: Timestamp, zone: &str) -> String {
    local_time(time, zone, "%a %Y-%m-%d")
}

/// A time on the clock of a zone, in a format of `strftime`.
///
/// ```
/// use slo_core::{artifact::local_time, model::Timestamp};
///
/// assert_eq!(local_time(Timestamp::EPOCH, "Europe/Berlin", "%Y-%m-%d %H:%M"), "1970-01-01 01:00");
/// ```
#[must_use]
pub fn local_time(time: Timestamp, zone: &str, format: &str) -> String {
    let known =
        jiff::Timestamp::from_millisecond(time.as_millis()).ok().zip(jiff::tz::TimeZone::get(zone).ok());
    known.map_or_else(
        || time.to_string(),
        |(instant, zone)| zone.to_datetime(instant).strftime(format).to_string(),
    )
}

/// A number with spaces between thousands.
///
/// ```
/// assert_eq!(slo_core::artifact::count(1_234_567), "1\u{202f}234\u{202f}567");
/// ```
#[must_use]
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// An HTML page in the style of all reports, for light and dark mode. It needs no other file.
///
/// `title` is text, and `body` is HTML.
///
/// ```
/// let page = slo_core::artifact::html_page("Costs < 5 %", "<h1>Costs</h1>");
/// assert!(page.contains("<title>Costs &lt; 5 %</title>") && page.ends_with("</body></html>\n"));
/// ```
#[must_use]
pub fn html_page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{}</title><style>{STYLE}</style></head><body>\n{body}</body></html>\n",
        escape(title)
    )
}
