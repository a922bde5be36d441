//! Why a store did not do what it should.

/// Why a store did not do what it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// It is away, full or read-only: nothing was written, and the same may work later.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// Somebody else works on the incident by now: nothing was written.
    #[error("another process works on the incident")]
    Lost,
    /// It holds what this version cannot read.
    #[error("the store cannot be read: {0}")]
    Unreadable(String),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Unavailable(error.to_string())
    }
}
