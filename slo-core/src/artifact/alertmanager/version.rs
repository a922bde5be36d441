//! Versions of Alertmanager, and their features.

use crate::Error;
use std::{fmt, str::FromStr};

/// A version of Alertmanager.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AlertmanagerVersion {
    major: u32,
    minor: u32,
}

impl AlertmanagerVersion {
    /// The oldest supported version: the first with time zones and routing keys in files.
    const OLDEST: Self = Self { major: 0, minor: 25 };
    /// The first version with web addresses in files.
    pub(super) const URL_FILE: Self = Self { major: 0, minor: 26 };
    /// The first version with workflows of Microsoft Teams, and web addresses of all channels in files.
    pub(super) const WORKFLOWS: Self = Self { major: 0, minor: 28 };
}

impl Default for AlertmanagerVersion {
    /// The newest tested version.
    fn default() -> Self {
        Self { major: 0, minor: 33 }
    }
}

impl fmt::Display for AlertmanagerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for AlertmanagerVersion {
    type Err = Error;

    /// `0.27`, `v0.27.0`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let mut parts = text.strip_prefix('v').unwrap_or(text).split('.').map(str::parse::<u32>);
        let (Some(Ok(major)), Some(Ok(minor))) = (parts.next(), parts.next()) else {
            return Err(Error::new(format!("`{text}` is not a version")).with_hint("write it as `0.27`"));
        };
        let version = Self { major, minor };
        if version < Self::OLDEST {
            return Err(Error::new(format!("Alertmanager {version} is older than {}", Self::OLDEST))
                .with_hint("upgrade it; it does not support time zones or secrets in files"));
        }
        Ok(version)
    }
}
