//! Text for people, in HTML.

use slo_core::math::BurnRate;
use std::fmt::Write;

/// `text` with everything escaped that has a meaning in HTML.
pub(super) fn escape(text: &str) -> String {
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

/// A length of time in its two largest units: `2h 18m`.
pub(super) fn duration(seconds: f64) -> String {
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

/// A burn rate, as slo-core shows it; a dash where there is none.
pub(super) fn burn_rate(rate: Option<f64>) -> String {
    let rate = rate.and_then(|rate| BurnRate::new(rate).ok());
    rate.map_or_else(|| "–".to_owned(), |rate| escape(&rate.to_string()))
}

/// A share of one as a percentage with `decimals`; never rounded up to 100 %.
pub(super) fn percent(share: Option<f64>, decimals: usize) -> String {
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
    fn speaks_to_people() {
        assert_eq!(duration(8_280.0), "2h 18m");
        assert_eq!(duration(86_400.0 * 12.0), "12d");
        assert_eq!(duration(0.2), "0s");
        assert_eq!(duration(59.6), "1m");
        assert_eq!(burn_rate(Some(14.4)), "14.4×");
        assert_eq!(percent(Some(0.999_999), 2), "99.99%");
        assert_eq!(percent(Some(-0.5), 1), "−50.0%");
        assert_eq!(percent(Some(1.0), 1), "100.0%");
        assert_eq!(escape("<a href='x'>&"), "&lt;a href=&#39;x&#39;&gt;&amp;");
    }
}
