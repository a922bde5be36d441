//! Numbers and times as text, and the style of pages.

use crate::model::Timestamp;

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
    local(time, zone, "%Y-%m-%d %H:%M")
}

/// A day in a zone.
pub(super) fn day(time: Timestamp, zone: &str) -> String {
    local(time, zone, "%a %Y-%m-%d")
}

fn local(time: Timestamp, zone: &str, format: &str) -> String {
    let known =
        jiff::Timestamp::from_millisecond(time.as_millis()).ok().zip(jiff::tz::TimeZone::get(zone).ok());
    known.map_or_else(
        || time.to_string(),
        |(instant, zone)| zone.to_datetime(instant).strftime(format).to_string(),
    )
}

/// A number with spaces between thousands.
pub(super) fn count(number: u64) -> String {
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

/// Text for an HTML page: characters that would be markup are escaped.
///
/// ```
/// assert_eq!(slo_core::artifact::escape("a < b & c"), "a &lt; b &amp; c");
/// ```
#[must_use]
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
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

/// The style of pages, for light and dark mode; wide tables scroll in a narrow window.
const STYLE: &str = "\
:root { color-scheme: light dark; --line: #d5d9de; --soft: #f4f6f8; --bad: #b3261e; --good: #1b7f3b; --some: #9a6700 }
@media (prefers-color-scheme: dark) { :root { --line: #3a4048; --soft: #22272e; --bad: #ff8a80; --good: #6fdc8c; --some: #e3b341 } }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.6rem } h2 { font-size: 1.2rem; margin-top: 2.2rem } h3 { font-size: 1rem; margin-bottom: .3rem }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid var(--line) }
th { background: var(--soft); font-weight: 600 } td.n, th.n { text-align: right; font-variant-numeric: tabular-nums }
.wide { overflow-x: auto } .bad { color: var(--bad); font-weight: 600 } .good { color: var(--good) } .some { color: var(--some) }
svg { width: 100%; height: auto } .days { display: flex; align-items: flex-end; gap: 2px; height: 60px; margin: .5rem 0 }
.days i { flex: 1; min-width: 3px; background: #3b82c4; min-height: 1px } .days i.over { background: #d5502f }
p.small { opacity: .75; font-size: .9rem }";
