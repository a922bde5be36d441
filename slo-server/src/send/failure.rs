//! Why a message was not taken.

use super::http::NoAnswer;
use reqwest::StatusCode;
use slo_core::model::Window;

/// How much is kept of what a receiver says is wrong.
const LONGEST: usize = 200;

/// Why a message was not taken.
pub(super) enum Failure {
    /// It may be taken later.
    Later { reason: String, wait: Option<Window>, may_have_arrived: bool },
    /// It will never be taken.
    Never { reason: String },
}

impl Failure {
    /// That of an answer other than success: too many requests and faults of the server pass. `told` is what it says.
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
