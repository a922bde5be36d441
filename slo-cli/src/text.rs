//! Numbers for people.

use slo_core::model::Window;

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

/// A share of one as a percentage.
pub(crate) fn percent(share: Option<f64>, decimals: usize) -> String {
    share.map_or_else(|| "-".to_owned(), |share| format!("{:.decimals$}%", share * 100.0))
}

/// A burn rate.
pub(crate) fn burn(rate: Option<f64>) -> String {
    rate.map_or_else(|| "-".to_owned(), |rate| format!("{rate:.2}"))
}
