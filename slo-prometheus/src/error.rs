//! The error of both clients.

/// Why a request failed.
///
/// Its text has no password and no terminal control characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    kind: Kind,
    message: String,
    hint: Option<&'static str>,
}

/// What caused an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// The address, a header or a certificate is not valid.
    Settings,
    /// The server could not be reached, returned an error, or its response is not valid.
    Server,
    /// The answer exceeds the limit of bytes or of series.
    TooMuch,
}

impl Error {
    pub(crate) fn new(kind: Kind, message: impl AsRef<str>) -> Self {
        Self { kind, message: slo_core::plain(message.as_ref()).into_owned(), hint: None }
    }

    pub(crate) fn with_hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
        self
    }

    /// What caused it.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// How to fix it, if that is known.
    #[must_use]
    pub const fn hint(&self) -> Option<&'static str> {
        self.hint
    }
}
