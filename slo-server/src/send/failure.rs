//! Why a message was not taken.

use super::http::NoAnswer;
use reqwest::StatusCode;
use slo_core::model::Window;

/// Why a message was not taken.
pub(super) enum Failure {
    /// It may be taken later.
    Later { reason: String, wait: Option<Window>, may_have_arrived: bool },
    /// It will never be taken.
    Never { reason: String },
}

impl Failure {
    pub(super) fn later(status: StatusCode, wait: Option<Window>) -> Self {
        Self::Later { reason: status.to_string(), wait, may_have_arrived: false }
    }
}

impl From<NoAnswer> for Failure {
    fn from(NoAnswer { reason, may_have_arrived }: NoAnswer) -> Self {
        Self::Later { reason, wait: None, may_have_arrived }
    }
}
