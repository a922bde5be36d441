//! A deployment: what went live when.

use crate::time;
use serde::{Deserialize, Serialize};
use slo_core::{
    Error,
    model::{Name, Timestamp},
};
use std::fmt;

/// A deployment: a version of a service that went live.
///
/// ```
/// use slo_ops::Deployment;
///
/// let at = "2026-12-01T10:00:00Z".parse()?;
/// let deployment = Deployment::new("checkout", "2.4.0", at)?.committed_at("2026-12-01T08:00:00Z".parse()?)?;
/// assert_eq!(deployment.to_string(), "checkout 2.4.0 went live at 2026-12-01T10:00:00Z");
/// assert!(Deployment::new("check out", "2.4.0", at).is_err());
/// # Ok::<(), slo_ops::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Deployment {
    /// The service, as in its spec.
    pub service: String,
    /// The version.
    pub version: String,
    /// When it went live.
    #[serde(with = "time::millis")]
    pub at: Timestamp,
    /// When the oldest change in it was committed.
    #[serde(default, with = "time::optional_millis", skip_serializing_if = "Option::is_none")]
    pub committed: Option<Timestamp>,
    /// Where people can read about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Who or what deployed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
}

/// The longest version, address and name, in characters.
const LONGEST: usize = 1_000;

impl Deployment {
    /// A version of a service that went live at a time.
    ///
    /// # Errors
    /// A name that no service can have, or a version that is empty or too long.
    pub fn new(service: &str, version: &str, at: Timestamp) -> Result<Self, Error> {
        let service: Name = service.parse()?;
        let version = version.trim();
        if version.is_empty() || version.chars().count() > LONGEST {
            return Err(Error::new("the version is empty or too long").with_hint("write 2.4.0, or a commit"));
        }
        Ok(Self {
            service: service.to_string(),
            version: version.to_owned(),
            at,
            committed: None,
            url: None,
            who: None,
        })
    }

    /// The same, whose oldest change was committed at a time.
    ///
    /// # Errors
    /// A time after it went live.
    pub fn committed_at(self, committed: Timestamp) -> Result<Self, Error> {
        if committed > self.at {
            return Err(Error::new(format!(
                "it was committed at {committed}, and went live before that, at {}",
                self.at
            )));
        }
        Ok(Self { committed: Some(committed), ..self })
    }

    /// The same, with an address where people can read about it.
    ///
    /// # Errors
    /// Text that is no web address.
    pub fn with_url(self, url: &str) -> Result<Self, Error> {
        let is_web = (url.starts_with("https://") || url.starts_with("http://"))
            && url.len() <= LONGEST
            && url.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_web {
            return Err(Error::new(format!("`{url}` is not a web address of at most {LONGEST} characters"))
                .with_hint("begin with https://"));
        }
        Ok(Self { url: Some(url.to_owned()), ..self })
    }

    /// The same, with the name of who or what deployed it.
    #[must_use]
    pub fn by(self, who: &str) -> Self {
        let who: String = slo_core::plain(who.trim()).chars().take(LONGEST).collect();
        Self { who: Some(who).filter(|who| !who.is_empty()), ..self }
    }
}

impl fmt::Display for Deployment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} went live at {}", self.service, self.version, self.at)?;
        match &self.who {
            Some(who) => write!(f, " ({who})"),
            None => Ok(()),
        }
    }
}
