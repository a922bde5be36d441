//! The look of pages: one stylesheet, and numbers as text for HTML.
//!
//! Services, reports and servers use it, so that a state, a budget or a burn rate looks the same everywhere.

use crate::math::BurnRate;
use std::fmt::Write;

/// The stylesheet of all pages, for light and dark mode, and for narrow windows.
///
/// Its colours have a contrast of 4.5:1 or more, as WCAG 2 AA asks for.
pub const STYLE: &str = include_str!("page.css");

/// Text for an HTML page: characters that would be markup are escaped.
///
/// ```
/// assert_eq!(slo_core::page::escape("<a href='x'>&"), "&lt;a href=&#39;x&#39;&gt;&amp;");
/// ```
#[must_use]
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            plain => escaped.push(plain),
        }
    }
    escaped
}

/// A length of time in its two largest units.
///
/// ```
/// use slo_core::page::duration;
///
/// assert_eq!([8_280.0, 86_400.0, 0.2].map(duration), ["2h 18m", "1d", "0s"]);
/// ```
#[must_use]
pub fn duration(seconds: f64) -> String {
    const UNITS: [(&str, f64); 4] = [("d", 86_400.0), ("h", 3_600.0), ("m", 60.0), ("s", 1.0)];
    let mut rest = seconds.max(0.0).round();
    let mut text = String::new();
    let first = UNITS.iter().position(|(_, length)| rest >= *length).unwrap_or(UNITS.len() - 1);
    for (unit, length) in UNITS.iter().skip(first).take(2) {
        let count = (rest / length).floor();
        rest -= count * length;
        if count > 0.0 || text.is_empty() {
            let space = if text.is_empty() { "" } else { " " };
            let _ = write!(text, "{space}{count}{unit}"); // writing to a String cannot fail
        }
    }
    text
}

/// A burn rate, or a dash if it is unknown.
///
/// ```
/// assert_eq!(slo_core::page::burn_rate(Some(14.4)), "14.4×");
/// ```
#[must_use]
pub fn burn_rate(rate: Option<f64>) -> String {
    let rate = rate.and_then(|rate| BurnRate::new(rate).ok());
    rate.map_or_else(|| "–".to_owned(), |rate| rate.to_string())
}

/// A share of one as a percentage with `decimals`, or a dash if it is unknown.
///
/// What is below 100 % is never rounded up to it.
///
/// ```
/// use slo_core::page::percent;
///
/// assert_eq!([percent(Some(0.999_999), 2), percent(Some(-0.5), 1), percent(None, 1)], ["99.99%", "−50.0%", "–"]);
/// ```
#[must_use]
pub fn percent(share: Option<f64>, decimals: usize) -> String {
    let Some(share) = share else { return "–".to_owned() };
    let text = format!("{:.decimals$}%", share * 100.0);
    if share < 1.0 && text.starts_with("100") {
        let nines = "9".repeat(decimals);
        return if decimals == 0 { "99%".to_owned() } else { format!("99.{nines}%") };
    }
    text.replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_for_people() {
        assert_eq!([86_400.0 * 12.0, 59.6].map(duration), ["12d", "1m"]);
        assert_eq!(
            (percent(Some(1.0), 1), percent(Some(0.9999), 0)),
            ("100.0%".to_owned(), "99%".to_owned())
        );
    }
}
