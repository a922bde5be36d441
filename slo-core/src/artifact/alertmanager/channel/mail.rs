//! The server that sends e-mail.

/// The server that sends e-mail, and the sender.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "callers write it as a literal")]
pub struct Mail {
    /// The server, `host:port`.
    pub smarthost: String,
    /// The sender's address.
    pub from: String,
    /// The user name for the login, with the password in `<team>/smtp-password`; `None` for no login.
    pub username: Option<String>,
}
