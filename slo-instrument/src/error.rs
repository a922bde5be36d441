//! What can go wrong beside requests.

/// Why SLOs cannot be installed, faults not be armed, or what is left not be sent. Counting does not fail.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {message}")]
pub struct Error {
    place: String,
    message: String,
}

impl Error {
    pub(crate) fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { place: place.into(), message: message.into() }
    }

    pub(crate) fn at(place: impl Into<String>) -> impl FnOnce(slo_core::Error) -> Self {
        move |error| {
            let hint = error.hint().map_or_else(String::new, |hint| format!("; {hint}"));
            Self::new(place, format!("{error}{hint}"))
        }
    }
}
