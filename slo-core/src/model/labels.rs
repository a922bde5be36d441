//! Prometheus labels.

use crate::Error;
use std::{borrow::Cow, collections::BTreeMap, fmt, str::FromStr};

/// A Prometheus label name: `[a-zA-Z_][a-zA-Z0-9_]*`, not beginning with `__`.
///
/// ```
/// use slo_core::model::LabelName;
///
/// assert!("team".parse::<LabelName>().is_ok());
/// assert!("__name__".parse::<LabelName>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LabelName(Cow<'static, str>);

impl LabelName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of an annotation, which may begin with `__` as those of Grafana do.
    ///
    /// # Errors
    /// Text that is not such a name.
    #[cfg(feature = "spec")]
    pub(crate) fn of_annotation(text: &str) -> Result<Self, Error> {
        text.trim_start_matches('_')
            .parse::<Self>()
            .map(|_| Self(Cow::Owned(text.to_owned())))
            .or_else(|_| text.parse())
    }

    pub(crate) const fn from_static(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }
}

impl FromStr for LabelName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let begins_well = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
        let word = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if begins_well && word && !text.starts_with("__") {
            return Ok(Self(Cow::Owned(text.to_owned())));
        }
        Err(Error::new(format!("`{text}` is not a label name"))
            .with_hint("use letters, digits and `_`, not beginning with a digit or `__`"))
    }
}

impl LabelName {
    /// Its name in recorded series: `exported_service` for `service`, which the rules set themselves.
    pub(crate) fn recorded(&self) -> Self {
        let is_set = RESERVED_LABELS.contains(&self.as_str()) || self.as_str() == "severity";
        if is_set { Self(format!("{EXPORTED}{self}").into()) } else { self.clone() }
    }
}

impl fmt::Display for LabelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Labels in the order of their names.
pub type Labels = BTreeMap<LabelName, String>;

/// The prefix for labels of the raw series whose names the rules use themselves. Prometheus does the same for
/// labels that a scrape sets.
pub(crate) const EXPORTED: &str = "exported_";

/// Labels that the rules set themselves, on recorded series and on alerts.
pub(crate) const RESERVED_LABELS: [&str; 5] = ["service", "slo", "burn_tier", "alertname", "alertstate"];
