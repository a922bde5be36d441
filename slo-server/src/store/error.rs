//! Errors of a store.

/// An error of a store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// It is unreachable, full or read-only. Nothing was written, and the same call may succeed later.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// Another process works on the incident by now. Nothing was written.
    #[error("another process works on the incident")]
    Lost,
    /// It holds data that this version cannot read.
    #[error("the store cannot be read: {0}")]
    Unreadable(String),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Unavailable(error.to_string())
    }
}
