//! Numbers for people, and reports for programs.

use crate::error::Error;
use serde::Serialize;
use slo_core::model::Window;
use std::io::Write;

/// Seconds as a Prometheus duration, in whole milliseconds below ten seconds and whole seconds above.
pub(crate) fn seconds(seconds: f64) -> String {
    let millis = if seconds < 10.0 { seconds * 1_000.0 } else { seconds.round() * 1_000.0 };
    if !(0.5..9e15).contains(&millis) {
        return "0s".to_owned();
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked just above")]
    let millis = millis.round() as u64;
    Window::from_millis(millis).map_or_else(|_| "over 10 years".to_owned(), |window| window.to_string())
}

/// A ratio as a percentage; `-` for none.
pub(crate) fn percent(share: Option<f64>, decimals: usize) -> String {
    share.map_or_else(|| "-".to_owned(), |share| format!("{:.decimals$}%", share * 100.0))
}

/// A burn rate.
pub(crate) fn burn(rate: Option<f64>) -> String {
    rate.map_or_else(|| "-".to_owned(), |rate| format!("{rate:.2}"))
}

/// A number with its noun: `1 SLO`, `2 SLOs`.
pub(crate) fn counted(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// A report as indented JSON, and a line break.
pub(crate) fn json(out: &mut dyn Write, report: &impl Serialize) -> Result<(), Error> {
    serde_json::to_writer_pretty(&mut *out, report).map_err(std::io::Error::from)?;
    writeln!(out)?;
    Ok(())
}

/// A time longer than a period: `> 30d`, `> a month`.
pub(crate) fn longer_than(period: &str) -> String {
    format!("> {}", period.split(" in ").next().unwrap_or(period))
}
