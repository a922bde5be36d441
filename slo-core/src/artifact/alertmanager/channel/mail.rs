//! The server that sends e-mail.

/// What sends e-mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// The server, `host:port`.
    pub smarthost: String,
    /// Whom it is from.
    pub from: String,
    /// Who logs in, with the password in `<team>/smtp-password`; nobody where it is not given.
    pub username: Option<String>,
}
