//! Names of services and SLOs.

use crate::Error;
use std::{fmt, str::FromStr};

/// The name of a service or of one of its SLOs.
///
/// Letters, digits, `-`, `_` and `.`, beginning with a letter or digit, at most 63 characters: safe
/// as a label value, a rule group and a file name alike.
///
/// ```
/// use slo_core::model::Name;
///
/// assert_eq!("checkout".parse::<Name>()?.as_str(), "checkout");
/// assert!("check out".parse::<Name>().is_err());
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

impl Name {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let begins_well = text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric);
        if begins_well && text.len() <= 63 && text.bytes().all(allowed) {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::new(format!("`{text}` is not a name")).with_hint(
            "use letters, digits, `-`, `_` and `.`, begin with a letter or digit, 63 characters at most",
        ))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
