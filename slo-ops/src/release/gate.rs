//! What a release is judged by.

use slo_core::{
    Error,
    model::{Matcher, Ratio, Slo, Window},
    spec::matchers,
    stats::{ReleaseRules, ReleaseTest},
};
use std::collections::BTreeMap;

/// What a release is judged by.
///
/// ```
/// use slo_ops::release::{Compare, Gate};
///
/// let gate = Gate {
///     new: Some("version=\"{version}\"".to_owned()),
///     compare: Compare::Beside("version!=\"{version}\"".to_owned()),
///     ..Gate::default()
/// };
/// let series = gate.series(&[("version".to_owned(), "1.4.0".to_owned())].into())?;
/// assert_eq!(series.new[0].to_string(), "version=\"1.4.0\"");
/// assert_eq!(series.old.unwrap()[0].to_string(), "version!=\"1.4.0\"");
/// # Ok::<(), slo_ops::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
#[expect(clippy::exhaustive_structs, reason = "callers write it as a literal over `Gate::default()`")]
pub struct Gate {
    /// The SLOs that count, as `service/slo`; all of them if there is none.
    pub slos: Vec<String>,
    /// Matchers of the series of the new version, with `{name}` for what a caller fills in; `None` for all series.
    pub new: Option<String>,
    /// What the new version is compared with.
    pub compare: Compare,
    /// Which versions are good, and which are harmful.
    pub rules: ReleaseRules,
    /// The harmful burn rate; by default that of the slowest alert of the SLO that pages.
    pub harmful_burn_rate: Option<f64>,
}

/// What a new version is compared with, besides the objective.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Compare {
    /// Nothing.
    #[default]
    Objective,
    /// An old version that runs at the same time: the matchers of its series.
    Beside(String),
    /// The service before the release, over such a time.
    Before(Window),
}

/// The series of a release. By default, all series are those of the new version.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct GateSeries {
    /// Those of the new version; empty for all.
    pub new: Vec<Matcher>,
    /// Those of an old version beside it.
    pub old: Option<Vec<Matcher>>,
}

/// The most characters of what a caller fills in.
const LONGEST: usize = 128;
impl Gate {
    /// The series, with `{name}` replaced by the parameter of that name.
    ///
    /// A parameter has letters, digits, `.`, `_` and `-` only, so it can be no more than a value.
    ///
    /// # Errors
    /// Text that is no list of matchers, a parameter that is missing, or one with other characters.
    pub fn series(&self, parameters: &BTreeMap<String, String>) -> Result<GateSeries, Error> {
        let read = |text: &str| {
            matchers(&filled(text, parameters)?).map_err(|error| {
                let told = Error::new(format!("`{text}` are no matchers"));
                error.hint().map_or(told.clone(), |hint| told.with_hint(hint))
            })
        };
        let new = self.new.as_deref().map(read).transpose()?.unwrap_or_default();
        let old = match &self.compare {
            Compare::Beside(_) if new.is_empty() => {
                return Err(Error::new(
                    "the new version has no labels, so its events would include those of the old one",
                )
                .with_hint("say which series are those of the new version, such as version=\"2\""));
            }
            Compare::Beside(text) => Some(read(text)?),
            Compare::Objective | Compare::Before(_) => None,
        };
        if old.as_ref() == Some(&new) {
            return Err(Error::new("the new and the old version have the same series")
                .with_hint("write matchers that tell them apart, such as version=\"2\" and version=\"1\""));
        }
        Ok(GateSeries { new, old })
    }

    /// The names of the parameters, each once.
    #[must_use]
    pub fn parameters(&self) -> Vec<String> {
        let old = if let Compare::Beside(text) = &self.compare { text.as_str() } else { "" };
        let mut names: Vec<String> = [self.new.as_deref().unwrap_or_default(), old]
            .into_iter()
            .flat_map(placeholders)
            .map(|(_, name)| name.to_owned())
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Whether its rules can be tested, and its series be selected, with any parameters.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), Error> {
        ReleaseTest::new("99.999%".parse()?, self.rules_of(None, self.slos.len()))?;
        let example = |name: String| (name.clone(), name);
        self.series(&self.parameters().into_iter().map(example).collect()).map(drop)
    }

    /// The rules for an SLO, if so many SLOs are judged at once: the probability that a good version fails is divided among
    /// them, and the version is harmful where the SLO would page.
    pub(super) fn rules_of(&self, pages_at: Option<f64>, slos: usize) -> ReleaseRules {
        let least = self.rules.allowed_burn_rate * 2.0;
        let usual = ReleaseRules::harmful_burn_rate(None, Ratio::ONE).map_or(least, Ratio::to_f64);
        ReleaseRules {
            harmful_burn_rate: self.harmful_burn_rate.unwrap_or_else(|| pages_at.unwrap_or(usual).max(least)),
            false_fail: self.rules.false_fail / slos.max(1) as f64,
            ..self.rules
        }
    }
}

/// The burn rate of the slowest alert of an SLO that pages.
pub(super) fn pages_at(slo: &Slo) -> Option<f64> {
    slo.policy().slowest_page().map(Ratio::to_f64)
}

fn filled(text: &str, parameters: &BTreeMap<String, String>) -> Result<String, Error> {
    let mut out = String::with_capacity(text.len());
    let mut end = 0;
    for (range, name) in placeholders(text) {
        let value = parameters.get(name).ok_or_else(|| {
            Error::new(format!("the parameter `{name}` is missing"))
                .with_hint(format!("give it along: {{\"{name}\": …}}"))
        })?;
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if value.is_empty() || value.len() > LONGEST || !value.bytes().all(is_part) {
            return Err(Error::new(format!("the parameter `{name}` is `{value}`"))
                .with_hint(format!("use letters, digits, `.`, `_` and `-`, {LONGEST} at most")));
        }
        out.push_str(text.get(end..range.start).unwrap_or_default());
        out.push_str(value);
        end = range.end;
    }
    out.push_str(text.get(end..).unwrap_or_default());
    Ok(out)
}

/// Where the `{name}` of a text are. Braces around something else, as in the regular expression `x{2}`, are text.
fn placeholders(text: &str) -> impl Iterator<Item = (std::ops::Range<usize>, &str)> {
    text.match_indices('{').filter_map(move |(start, _)| {
        let rest = text.get(start + 1..)?;
        let name = rest.get(..rest.find('}')?)?;
        let is_name = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        is_name.then_some((start..start + name.len() + 2, name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(new: &str) -> Gate {
        Gate { new: Some(new.to_owned()), ..Gate::default() }
    }

    #[test]
    fn parameters_are_values_and_nothing_else() {
        let gate = gate("version=\"{version}\", pod=~\"[a-z]{2}-{name_2}\"");
        assert_eq!(gate.parameters(), ["name_2", "version"]);
        let with = |version: &str| {
            let parameters = [("version", version), ("name_2", "b")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()));
            gate.series(&parameters.into())
                .map(|series| series.new.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        assert_eq!(with("1.2").unwrap(), ["version=\"1.2\"", "pod=~\"[a-z]{2}-b\""]);
        for hostile in ["", "\"} or up{x=\"", "1\n", "{name_2}", "é", &"a".repeat(129)] {
            assert!(with(hostile).is_err(), "{hostile}");
        }
        assert!(gate.series(&BTreeMap::new()).unwrap_err().hint().is_some());
    }

    #[test]
    fn versions_must_differ() {
        let mixed = Gate { compare: Compare::Beside("a=\"1\"".to_owned()), ..Gate::default() };
        assert!(mixed.series(&BTreeMap::new()).unwrap_err().to_string().contains("would include"));
        let same = Gate { compare: Compare::Beside("a=\"1\"".to_owned()), ..gate("a=\"1\"") };
        assert!(same.series(&BTreeMap::new()).is_err());
        let everything = Gate { compare: Compare::Beside(String::new()), ..Gate::default() };
        assert!(everything.series(&BTreeMap::new()).is_err());
    }

    #[test]
    fn a_version_is_harmful_where_the_slo_would_page() {
        let text = "{version: slo/v1, service: a, slos: [{name: b, objective: 99%, window: 30d, sli: {events: {total: t_x, bad: b_x}}}]}";
        let service = slo_core::spec::parse(text).unwrap().remove(0);
        let at = pages_at(&service.slos()[0]);
        assert_eq!(at, Some(6.0));
        let rules = Gate::default().rules_of(at, 4);
        assert!((rules.harmful_burn_rate - 6.0).abs() < 1e-12 && (rules.false_fail - 0.0025).abs() < 1e-12);
        let strict = Gate { harmful_burn_rate: Some(14.4), ..Gate::default() };
        assert!((strict.rules_of(at, 1).harmful_burn_rate - 14.4).abs() < 1e-12);
    }
}
