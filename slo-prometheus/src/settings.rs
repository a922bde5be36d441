//! Settings of a client.

use crate::error::{Error, Kind};
use http::{HeaderName, HeaderValue};
use std::{fmt, time::Duration};

/// Settings of a client: headers, trusted certificates and limits.
#[derive(Clone)]
#[expect(clippy::exhaustive_structs, reason = "callers write it as a literal over `Settings::default()`")]
pub struct Settings {
    /// Headers to send with every request, such as `Authorization` and `Bearer …`. Their values are never
    /// shown.
    pub headers: Vec<(String, String)>,
    /// Certificates to trust in place of the system's, as PEM.
    pub roots: Option<Vec<u8>>,
    /// How long a request may take, with its whole answer.
    pub timeout: Duration,
    /// The longest answer, in bytes.
    pub longest: u64,
    /// The most series of an answer.
    pub most_series: usize,
}

impl Default for Settings {
    /// No headers, the system's certificates, 30 s, 1 GiB, 200,000 series.
    fn default() -> Self {
        Self {
            headers: Vec::new(),
            roots: None,
            timeout: Duration::from_secs(30),
            longest: 1 << 30,
            most_series: 200_000,
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Settings")
            .field("headers", &names)
            .field("roots", &self.roots.as_ref().map(Vec::len))
            .field("timeout", &self.timeout)
            .field("longest", &self.longest)
            .field("most_series", &self.most_series)
            .finish()
    }
}

impl Settings {
    pub(crate) fn checked_headers(&self) -> Result<Vec<(HeaderName, HeaderValue)>, Error> {
        let refused = |name: &str| {
            // Does not show the value, which may be a secret, nor an invalid name, which may be part of one.
            Error::new(Kind::Settings, format!("not a header{name}")).with_hint("write it as `Name: value`")
        };
        let checked = |(name, value): &(String, String)| {
            let header: HeaderName = name.parse().map_err(|_| refused(""))?;
            let mut value: HeaderValue = value.parse().map_err(|_| refused(&format!(": {header}")))?;
            value.set_sensitive(true);
            Ok((header, value))
        };
        self.headers.iter().map(checked).collect()
    }
}
