//! Journals of Chaos Toolkit.

use serde::Deserialize;
use slo_core::{Error, model::Timestamp};

/// What a journal of Chaos Toolkit says: when a fault was in place, and what became of its activities.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ToolkitJournal {
    /// The title of its experiment.
    pub title: String,
    /// Its status, such as `completed`, `failed` or `aborted`.
    pub status: String,
    /// When its first action began.
    pub began: Timestamp,
    /// When the first rollback began, or else the last action ended.
    pub ended: Timestamp,
    /// The actions and rollbacks that did not succeed, with their status.
    pub failed: Vec<String>,
    /// Whether rollbacks ran. Without them, the fault may still be in place.
    pub rolled_back: bool,
}

#[derive(Deserialize)]
struct Text {
    #[serde(default)]
    status: String,
    experiment: Titled,
    #[serde(default)]
    run: Vec<Step>,
    #[serde(default)]
    rollbacks: Vec<Step>,
}

#[derive(Deserialize)]
struct Titled {
    #[serde(default)]
    title: String,
}

#[derive(Deserialize)]
struct Step {
    activity: Named,
    #[serde(default)]
    status: String,
    start: String,
    end: Option<String>,
}

#[derive(Deserialize)]
struct Named {
    #[serde(default)]
    name: String,
    #[serde(default, rename = "type")]
    kind: String,
}

impl ToolkitJournal {
    /// Reads a `journal.json`.
    ///
    /// ```
    /// use slo_ops::experiment::ToolkitJournal;
    ///
    /// let journal = ToolkitJournal::read(r#"{"status": "completed", "experiment": {"title": "slow"}, "rollbacks": [], "run": [
    ///     {"activity": {"type": "action", "name": "add latency"}, "status": "succeeded",
    ///      "start": "2026-11-30T10:00:00.250000", "end": "2026-11-30T10:00:01.500000+00:00"}]}"#)?;
    /// assert_eq!(journal.ended.millis_since(journal.began), 1_250);
    /// assert!(!journal.rolled_back);
    /// # Ok::<(), slo_ops::Error>(())
    /// ```
    ///
    /// # Errors
    /// A text that is no journal, or a journal without an action.
    pub fn read(text: &str) -> Result<Self, Error> {
        let read: Text = serde_json::from_str(text)
            .map_err(|error| Error::new(format!("not a journal of Chaos Toolkit: {error}")))?;
        let actions: Vec<&Step> = read.run.iter().filter(|one| one.activity.kind == "action").collect();
        let begins = actions.iter().map(|one| moment(&one.start)).collect::<Result<Vec<_>, _>>()?;
        let Some(began) = begins.iter().copied().min() else {
            return Err(Error::new("the journal has no action, so no fault was injected")
                .with_hint("name the journal of a run with a `method`"));
        };
        let ends = actions.iter().filter_map(|one| one.end.as_deref()).map(moment);
        let last = ends.collect::<Result<Vec<_>, _>>()?.into_iter().max().unwrap_or(began);
        let undone = read.rollbacks.iter().map(|one| moment(&one.start)).collect::<Result<Vec<_>, _>>()?;
        let failed = actions.iter().copied().chain(&read.rollbacks).filter(|one| one.status != "succeeded");
        Ok(Self {
            title: read.experiment.title,
            status: read.status,
            began,
            ended: undone.iter().copied().min().unwrap_or(last).max(began),
            failed: failed.map(|one| format!("{}: {}", one.activity.name, one.status)).collect(),
            rolled_back: !undone.is_empty(),
        })
    }
}

/// A time of a journal: RFC 3339, or UTC without an offset.
fn moment(text: &str) -> Result<Timestamp, Error> {
    let time = text.split_once('T').map_or("", |(_, time)| time);
    let has_offset = time.ends_with('Z') || time.contains(['+', '-']);
    let with_offset = if has_offset { text.to_owned() } else { format!("{text}Z") };
    with_offset.parse()
}
