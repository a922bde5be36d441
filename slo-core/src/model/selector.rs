//! Selectors of Prometheus series.

use super::LabelName;
use crate::Error;
use std::{collections::HashSet, fmt, sync::Arc};

/// An instant vector selector: a metric name and label matchers.
///
/// Printed with Prometheus' own escapes, so that the text is always valid PromQL.
///
/// ```
/// use slo_core::model::{MatchOp, Selector};
///
/// let errors = Selector::new("http_requests_total")?
///     .matching("job", MatchOp::Equal, "checkout")?
///     .matching("code", MatchOp::Regex, "5..")?;
/// assert_eq!(errors.to_string(), r#"http_requests_total{job="checkout",code=~"5.."}"#);
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Selector {
    // `[a-zA-Z_:][a-zA-Z0-9_:]*`
    metric: Arc<str>,
    // Shared: an SLO's rules select the same series over and over.
    matchers: Arc<[Matcher]>,
}

/// One condition on a label.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "a matcher has nothing else")]
pub struct Matcher {
    /// The label.
    pub label: LabelName,
    /// How its value is compared.
    pub op: MatchOp,
    /// The value, or the regular expression; an absent label has the value `""`.
    pub value: String,
}

/// How a [`Matcher`] compares; closed, because PromQL has just these four.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "PromQL has no other")]
pub enum MatchOp {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`, anchored at both ends.
    Regex,
    /// `!~`, anchored at both ends.
    NotRegex,
}

impl Selector {
    /// All series of `metric`.
    ///
    /// # Errors
    /// Text that is not a metric name.
    pub fn new(metric: impl Into<String>) -> Result<Self, Error> {
        let metric = metric.into();
        let begins_well =
            metric.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b"_:".contains(&b));
        let word = metric.bytes().all(|b| b.is_ascii_alphanumeric() || b"_:".contains(&b));
        if begins_well && word {
            return Ok(Self { metric: metric.into(), matchers: Arc::default() });
        }
        Err(Error::new(format!("`{metric}` is not a metric name"))
            .with_hint("use letters, digits, `_` and `:`, not beginning with a digit"))
    }

    /// The same, for a metric name that this crate composes from valid parts.
    #[cfg(feature = "rules")]
    pub(crate) fn composed(metric: &str, matchers: Arc<[Matcher]>) -> Self {
        Self { metric: metric.into(), matchers }
    }

    /// The same selector with one more matcher.
    ///
    /// # Errors
    /// A `label` that is not a label name. Regular expressions are checked when a spec is read.
    pub fn matching(self, label: &str, op: MatchOp, value: impl Into<String>) -> Result<Self, Error> {
        Ok(self.with(Matcher { label: label.parse()?, op, value: value.into() }))
    }

    #[must_use]
    pub(crate) fn with(self, matcher: Matcher) -> Self {
        self.with_all([matcher])
    }

    /// The same selector with `matchers` added.
    #[must_use]
    pub(crate) fn with_all(mut self, matchers: impl IntoIterator<Item = Matcher>) -> Self {
        self.matchers = self.matchers.iter().cloned().chain(matchers).collect();
        self
    }

    /// The metric name.
    #[must_use]
    pub fn metric(&self) -> &str {
        &self.metric
    }

    /// The matchers, in the order they were written.
    #[must_use]
    pub fn matchers(&self) -> &[Matcher] {
        &self.matchers
    }

    /// Whether both have the same metric and the same matchers, in any order.
    ///
    /// ```
    /// use slo_core::model::{MatchOp::Equal, Selector};
    ///
    /// let requests = || Selector::new("requests_total");
    /// let one = requests()?.matching("job", Equal, "a")?.matching("code", Equal, "500")?;
    /// let other = requests()?.matching("code", Equal, "500")?.matching("job", Equal, "a")?;
    /// assert!(one != other && one.selects_as(&other));
    /// # Ok::<(), slo_core::Error>(())
    /// ```
    #[must_use]
    pub fn selects_as(&self, other: &Self) -> bool {
        let matchers = |selector: &Self| selector.matchers.iter().cloned().collect::<HashSet<_>>();
        self.metric == other.metric && matchers(self) == matchers(other)
    }

    /// The same matchers on the metric with `suffix` appended, such as `_bucket`.
    #[must_use]
    pub(crate) fn suffixed(&self, suffix: &str) -> Self {
        Self { metric: format!("{}{suffix}", self.metric).into(), matchers: Arc::clone(&self.matchers) }
    }
}

impl Selector {
    pub(crate) fn write_to(&self, out: &mut impl fmt::Write) -> fmt::Result {
        self.write_open(out)?;
        out.write_str(if self.matchers.is_empty() { "" } else { "}" })
    }

    /// The same without the brace at its end.
    pub(crate) fn write_open(&self, out: &mut impl fmt::Write) -> fmt::Result {
        out.write_str(&self.metric)?;
        for (index, matcher) in self.matchers.iter().enumerate() {
            out.write_str(if index == 0 { "{" } else { "," })?;
            matcher.write_to(out)?;
        }
        Ok(())
    }
}

impl Matcher {
    fn write_to(&self, out: &mut impl fmt::Write) -> fmt::Result {
        out.write_str(self.label.as_str())?;
        out.write_str(self.op.as_str())?;
        out.write_str("\"")?;
        let mut rest = self.value.as_str();
        // The usual case: a value that needs no escapes.
        if rest.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\') {
            out.write_str(rest)?;
            return out.write_str("\"");
        }
        while let Some(at) = rest.find(|c: char| matches!(c, '\\' | '"') || c.is_control()) {
            let (plain, from) = rest.split_at(at);
            out.write_str(plain)?;
            let mut characters = from.chars();
            match characters.next() {
                Some('\\') => out.write_str("\\\\")?,
                Some('"') => out.write_str("\\\"")?,
                Some('\n') => out.write_str("\\n")?,
                Some('\r') => out.write_str("\\r")?,
                Some('\t') => out.write_str("\\t")?,
                Some(control) => write!(out, "\\u{:04x}", u32::from(control))?,
                None => {}
            }
            rest = characters.as_str();
        }
        out.write_str(rest)?;
        out.write_str("\"")
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_to(f)
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_to(f)
    }
}

impl MatchOp {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Regex => "=~",
            Self::NotRegex => "!~",
        }
    }
}

impl fmt::Display for MatchOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_label_values_as_prometheus_does() {
        let selector =
            Selector::new("m").unwrap().matching("path", MatchOp::Regex, "a\\.b\"\n\u{7}é").unwrap();
        assert_eq!(selector.to_string(), "m{path=~\"a\\\\.b\\\"\\n\\u0007é\"}");
    }

    #[test]
    fn refuses_bad_names() {
        assert!(Selector::new("").is_err());
        assert!(Selector::new("1m").is_err());
        assert!(Selector::new("m").unwrap().matching("a-b", MatchOp::Equal, "").is_err());
    }
}
