//! The error type of this crate.

/// An error in the setup, in arming faults, in a lookup or in the last export.
///
/// Counting never fails.
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

    /// The same error at another place.
    #[cfg(feature = "spec")]
    pub(crate) fn within(self, place: &str) -> Self {
        Self { place: place.to_owned(), ..self }
    }

    /// The message of an error and those of what caused it.
    #[cfg(feature = "otlp")]
    pub(crate) fn chain(error: &dyn std::error::Error) -> String {
        let causes = std::iter::successors(error.source(), |cause| cause.source());
        causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
    }

    pub(crate) fn at(place: impl Into<String>) -> impl FnOnce(slo_core::Error) -> Self {
        move |error| {
            let hint = error.hint().map_or_else(String::new, |hint| format!("; {hint}"));
            Self::new(place, format!("{error}{hint}"))
        }
    }
}
