//! Why sending a message failed.

use super::http::NoAnswer;
use reqwest::StatusCode;
use slo_core::model::Window;

/// The most characters of a receiver's error message that are kept.
const LONGEST: usize = 200;

/// Why sending a message failed.
pub(super) enum Failure {
    /// It may succeed later.
    Later { reason: String, wait: Option<Window>, may_have_arrived: bool },
    /// It will never succeed.
    Never { reason: String },
}

impl Failure {
    /// The failure of an answer with another status than success; `told` is its message. Too many requests,
    /// timeouts and errors of the server are temporary.
    pub(super) fn of(status: StatusCode, wait: Option<Window>, told: &str) -> Self {
        let passes = [StatusCode::TOO_MANY_REQUESTS, StatusCode::REQUEST_TIMEOUT].contains(&status);
        if passes || status.is_server_error() {
            return Self::Later { reason: status.to_string(), wait, may_have_arrived: false };
        }
        let told: String = told.trim().chars().take(LONGEST).collect();
        Self::Never { reason: format!("{status}: {told}") }
    }
}

impl From<NoAnswer> for Failure {
    fn from(NoAnswer { reason, may_have_arrived }: NoAnswer) -> Self {
        Self::Later { reason, wait: None, may_have_arrived }
    }
}
