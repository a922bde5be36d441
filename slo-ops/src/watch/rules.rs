//! The rules that a server has loaded.

use serde::Deserialize;
use slo_core::{
    model::{Service, Slo},
    plain,
};
use std::collections::BTreeMap;

/// The rules that a server has loaded, from its answer to `/api/v1/rules`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(from = "Answer")]
#[non_exhaustive]
pub struct LoadedRules {
    /// By the name of their group: the rules whose last evaluation failed, with the error.
    groups: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
struct Answer {
    data: Option<Data>,
}

#[derive(Deserialize)]
struct Data {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    name: String,
    #[serde(default)]
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
struct Rule {
    #[serde(default)]
    name: String,
    #[serde(default)]
    health: String,
    #[serde(default, rename = "lastError")]
    error: String,
}

/// The parts that the rules of an SLO have.
const PARTS: [&str; 3] = ["fast", "tiles", "slow"];

impl From<Answer> for LoadedRules {
    /// Groups of other tools are left out.
    fn from(answer: Answer) -> Self {
        let groups = answer.data.map(|data| data.groups).unwrap_or_default();
        let own = groups.into_iter().filter(|group| group.name.starts_with("slo/"));
        let faults = |group: &Group| {
            let failed = group.rules.iter().filter(|rule| rule.health == "err");
            failed.map(|rule| format!("{}: {}", plain(&rule.name), plain(&rule.error))).collect()
        };
        Self { groups: own.map(|group| (group.name.clone(), faults(&group))).collect() }
    }
}

impl LoadedRules {
    /// What is wrong with the rules of an SLO: groups that are not loaded, and rules that fail.
    ///
    /// Nothing, if the server has none of our groups: it may leave rules to another program.
    ///
    /// ```
    /// use slo_ops::watch::LoadedRules;
    ///
    /// # let text = "{version: slo/v1, service: a, slos: [{name: b, objective: 99%, window: 30d,
    /// #    sli: {events: {total: t, bad: b}}}]}";
    /// # let service = slo_core::spec::parse(text).unwrap().remove(0);
    /// let rules: LoadedRules = serde_json::from_str(r#"{"data": {"groups": [
    ///     {"name": "slo/a/b/fast", "rules": [{"name": "slo:x", "health": "err", "lastError": "no such host"}]},
    ///     {"name": "slo/a/b/tiles"}]}}"#)?;
    /// assert_eq!(rules.faults(&service, &service.slos()[0]), [
    ///     "a rule of the group slo/a/b/fast fails: slo:x: no such host",
    ///     "the rule group slo/a/b/slow is not loaded",
    /// ]);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    #[must_use]
    pub fn faults(&self, service: &Service, slo: &Slo) -> Vec<String> {
        if self.groups.is_empty() {
            return Vec::new();
        }
        let of_part = |part: &str| {
            let name = format!("slo/{}/{}/{part}", service.name(), slo.name());
            match self.groups.get(&name) {
                None => Some(format!("the rule group {name} is not loaded")),
                Some(failed) => Some(format!("a rule of the group {name} fails: {}", failed.first()?)),
            }
        };
        PARTS.iter().filter_map(|part| of_part(part)).collect()
    }
}
