//! What can go wrong while a service is set up.

/// Why an SLO cannot be installed; nothing fails once it is.
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
