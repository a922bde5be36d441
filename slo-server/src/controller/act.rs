//! What is done for one object.

use super::{
    ask::{TIMEOUT, answer, failed},
    config::ControllerConfig,
    watch::{api, resource_of, rules},
    world::{Key, Known, Rule, World},
};
use crate::clock;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::{
    Api, Client,
    api::{DeleteParams, Patch, PatchParams, Preconditions},
    core::DynamicObject,
    runtime::events::{Event, EventType, Recorder},
};
use serde_json::{Value, json};
use slo_core::model::{Name, Timestamp};
use slo_ops::controller::{
    ALERTING_SINCE, Claims, Holder, Kind, Object, Phase, RECORDING_SINCE, Read, Reason, Verdict,
};
use std::{
    collections::BTreeSet,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    time::Duration,
};
use tokio::time::timeout;

/// The manager of the fields that it writes.
pub(super) const MANAGER: &str = "slo-controller";
/// When an object is looked at again although nothing has changed: bounds of calendar periods are written from time to time.
const AGAIN: Duration = Duration::from_secs(6 * 3_600);
/// When an object is looked at again that cannot have its rule.
const CONFLICT: Duration = Duration::from_secs(30);
/// The longest note of an event, in bytes.
const NOTE: usize = 1_024;

/// What was written last for an object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Done {
    /// A hash of the rule.
    hash: u64,
    /// The version of the rule that the API server made of it.
    version: String,
    /// How often the rule's spec had changed then.
    generation: i64,
    /// What was said last.
    pub(super) said: Option<(Reason, String)>,
}

/// What is known of an object when it is looked at.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) key: Key,
    object: Arc<Object>,
    known: Known,
    own: Option<Rule>,
    others: Vec<Rule>,
    taken: Vec<(Name, Holder)>,
    elsewhere: Option<((Name, Name), Holder)>,
    done: Done,
}

/// How a look ended.
#[derive(Debug)]
pub(super) struct Looked {
    pub(super) key: Key,
    /// What was written, and when to look again; or what failed.
    pub(super) result: Result<(Done, Duration), String>,
}

impl Look {
    /// What is known of the object of `key`; `None` if it is gone, or going.
    pub(super) fn at(world: &World, key: Key, done: Done) -> Option<Self> {
        let known = world.get(&key)?.clone();
        let object = Arc::clone(&known.object);
        if object.is_deleted {
            return None;
        }
        let claims: &Claims = world.claims();
        let read = known.read.as_deref().ok();
        Some(Self {
            own: world.rule(&object.namespace, &object.rule_name()).cloned(),
            others: world.others(&object),
            taken: read.map(|read| claims.taken(&object, read)).unwrap_or_default(),
            elsewhere: read.and_then(|read| claims.elsewhere(&object, read)),
            key,
            object,
            known,
            done,
        })
    }

    /// Writes what the object needs, and says what was done.
    pub(super) async fn act(self, hands: &Hands) -> Looked {
        let result = self.write(hands).await;
        Looked { key: self.key, result }
    }

    async fn write(&self, hands: &Hands) -> Result<(Done, Duration), String> {
        let mut done = self.done.clone();
        let (verdict, again) = self.decide(hands, &mut done).await?;
        if let Some(status) = verdict.status(&self.object, now()) {
            self.set_status(hands, &status).await?;
        }
        let said = (verdict.reason, verdict.message.clone());
        if done.said.as_ref() != Some(&said) {
            if !self.says_so(&verdict) {
                let is_well = matches!(verdict.reason, Reason::RulesWritten | Reason::Recording);
                self.tell(hands, is_well, verdict.reason.as_str(), "Write", &verdict.message).await?;
            }
            done.said = Some(said);
        }
        Ok((done, again))
    }

    async fn decide(&self, hands: &Hands, done: &mut Done) -> Result<(Verdict, Duration), String> {
        let is_of_other = self.own.as_ref().is_some_and(|rule| !rule.is_of(&self.object.uid));
        let read = match &self.known.read {
            Ok(read) => read,
            Err(faults) => return Ok((Verdict::invalid(faults, self.own.is_some() && !is_of_other), AGAIN)),
        };
        if is_of_other {
            return Ok((Verdict::conflict(&self.object, read.service.slos().len()), CONFLICT));
        }
        let names: Vec<Name> = self.taken.iter().map(|(name, _)| name.clone()).collect();
        let left = if names.is_empty() { Some((**read).clone()) } else { read.without(&names) };
        let phase = Phase::of(
            now(),
            !self.others.is_empty(),
            self.own.as_ref().map(|rule| &rule.since),
            hands.config.takes_over,
            read.longest_window(),
        );
        // Nothing to write, and nothing to take back.
        if left.is_some() || self.own.is_some() {
            match self.write_rule(hands, left.as_ref(), phase, done).await? {
                Ok(()) => {}
                Err(verdict) => return Ok((verdict, AGAIN)),
            }
        }
        if phase == Phase::Replacing {
            self.delete_others(hands).await?;
        }
        let verdict = if names.is_empty() {
            let others: Vec<String> = self.others.iter().map(|rule| rule.name.clone()).collect();
            Verdict::written(&self.object, read, phase, &others, hands.config.takes_over)
        } else {
            Verdict::duplicate(&self.taken, left.map_or(0, |read| read.service.slos().len()))
        };
        let until =
            phase.ends(read.longest_window()).map(|end| Duration::from_millis(end.millis_since(now())));
        let soon = Duration::from_secs(1);
        Ok((verdict.beside(self.elsewhere.clone()), until.map_or(AGAIN, |time| time.clamp(soon, AGAIN))))
    }

    /// Writes the rule, unless the API server has it. Returns a verdict if it cannot be made, or is refused.
    async fn write_rule(
        &self,
        hands: &Hands,
        read: Option<&Read>,
        phase: Phase,
        done: &mut Done,
    ) -> Result<Result<(), Verdict>, String> {
        let count = read.map_or(0, |read| read.service.slos().len());
        let mut recorded = BTreeSet::new();
        for other in &self.others {
            recorded.extend(self.recorded_by(hands, other).await?);
        }
        let rule = match hands.config.writer.rule(&self.object, read, now(), phase, &recorded) {
            Ok(rule) => rule,
            Err(error) => return Ok(Err(Verdict::impossible(&error, self.own.is_some()))),
        };
        let hash = hash_of(&rule);
        let meddled = if done.hash == hash {
            match self.own.as_ref() {
                Some(own) if own.version == done.version || is_older(&own.version, &done.version) => {
                    return Ok(Ok(()));
                }
                Some(own) => (own.generation != done.generation).then_some("changed"),
                None => Some("deleted"),
            }
        } else {
            None
        };
        let api = self.rules(hands);
        let name = self.object.rule_name();
        let apply = PatchParams::apply(MANAGER).force();
        let written = match timeout(TIMEOUT, api.patch(&name, &apply, &Patch::Apply(&rule))).await {
            Ok(Ok(written)) => written,
            // Invalid, too large, or forbidden by a policy: it is not different the next time.
            Ok(Err(kube::Error::Api(status))) if matches!(status.code, 400 | 413 | 422) => {
                return Ok(Err(Verdict::refused(&slo_core::plain(&status.message), count)));
            }
            other => return Err(failed(&format!("write PrometheusRule {name}"), other)),
        };
        let (mut metadata, mut meddled) = (written.metadata.clone(), meddled);
        if let Some(repair) = repair(&rule, &written) {
            let what = format!("restore PrometheusRule {name}");
            let patch = Patch::Merge(&repair);
            let restored = answer(&what, api.patch(&name, &PatchParams::default(), &patch)).await?;
            metadata = restored.metadata;
            meddled = meddled.or_else(|| repair.get("spec").map(|_| "changed"));
        }
        if let Some(how) = meddled {
            let note = format!("somebody else has {how} PrometheusRule {name}");
            self.tell(hands, false, "RulesRestored", "Restore", &note).await?;
        }
        done.hash = hash;
        done.version = metadata.resource_version.unwrap_or_default();
        done.generation = metadata.generation.unwrap_or_default();
        Ok(Ok(()))
    }

    /// The series that a rule of another program records.
    async fn recorded_by(&self, hands: &Hands, other: &Rule) -> Result<Vec<String>, String> {
        let what = format!("read PrometheusRule {}", other.name);
        let found = answer(&what, self.rules(hands).get_opt(&other.name)).await?;
        let groups = found.and_then(|rule| rule.data.pointer("/spec/groups").cloned());
        let names =
            groups.iter().filter_map(Value::as_array).flatten().filter_map(|group| group.get("rules"));
        let names = names.filter_map(Value::as_array).flatten().filter_map(|rule| rule.get("record"));
        Ok(names.filter_map(Value::as_str).map(str::to_owned).collect())
    }

    async fn delete_others(&self, hands: &Hands) -> Result<(), String> {
        for other in &self.others {
            let preconditions = Preconditions { uid: Some(other.uid.clone()), ..Preconditions::default() };
            let only_this = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
            match timeout(TIMEOUT, self.rules(hands).delete(&other.name, &only_this)).await {
                Ok(Ok(_)) => {}
                Ok(Err(kube::Error::Api(status))) if status.code == 404 => {}
                other_end => return Err(failed(&format!("delete PrometheusRule {}", other.name), other_end)),
            }
            let tool = self.object.kind.tool().unwrap_or("another tool");
            let note = format!(
                "PrometheusRule {} of {tool} is deleted: {} has its alerts",
                other.name,
                self.object.rule_name()
            );
            self.tell(hands, true, "TakenOver", "TakeOver", &note).await?;
        }
        Ok(())
    }

    async fn set_status(&self, hands: &Hands, status: &Value) -> Result<(), String> {
        let api: Api<DynamicObject> =
            api(&hands.client, Some(&self.object.namespace), &resource_of(self.object.kind));
        let patch = json!({"status": status});
        let (params, patch) = (PatchParams::default(), Patch::Merge(&patch));
        match timeout(TIMEOUT, api.patch_status(&self.object.name, &params, &patch)).await {
            Ok(Ok(_)) => Ok(()),
            // It was deleted meanwhile.
            Ok(Err(kube::Error::Api(status))) if status.code == 404 => Ok(()),
            other => Err(failed(&format!("write the status of {}", self.object), other)),
        }
    }

    /// Whether the status said so before, so that a new process does not tell everything again.
    fn says_so(&self, verdict: &Verdict) -> bool {
        let conditions = self.object.status.get("conditions").and_then(Value::as_array);
        self.object.kind == Kind::Slo
            && conditions.into_iter().flatten().any(|one| {
                let is = |key: &str, text: &str| one.get(key).is_some_and(|value| value == text);
                is("reason", verdict.reason.as_str()) && is("message", &verdict.message)
            })
    }

    /// An event, and a line of the log.
    async fn tell(
        &self,
        hands: &Hands,
        is_well: bool,
        reason: &str,
        action: &str,
        note: &str,
    ) -> Result<(), String> {
        (hands.say)(&format!("{}: {reason}: {note}", self.object));
        let mut note = note.to_owned();
        if note.len() > NOTE {
            let end = (0..=NOTE - 4).rev().find(|end| note.is_char_boundary(*end)).unwrap_or(0);
            note.truncate(end);
            note.push_str(" …");
        }
        let event = Event {
            type_: if is_well { EventType::Normal } else { EventType::Warning },
            reason: reason.to_owned(),
            note: Some(note),
            action: action.to_owned(),
            secondary: None,
        };
        let regarding = ObjectReference {
            api_version: Some(self.object.kind.api_version()),
            kind: Some(self.object.kind.name().to_owned()),
            namespace: Some(self.object.namespace.clone()),
            name: Some(self.object.name.clone()),
            uid: Some(self.object.uid.clone()),
            ..ObjectReference::default()
        };
        answer("write an event", hands.recorder.publish(&event, &regarding)).await
    }

    fn rules(&self, hands: &Hands) -> Api<DynamicObject> {
        api(&hands.client, Some(&self.object.namespace), &rules())
    }
}

/// What it acts with.
pub(super) struct Hands {
    pub(super) client: Client,
    pub(super) recorder: Recorder,
    pub(super) config: ControllerConfig,
    pub(super) say: Box<dyn Fn(&str) + Send + Sync>,
}

/// Now, in whole seconds, as objects say times.
fn now() -> Timestamp {
    Timestamp::from_seconds(clock::now().as_millis() / 1_000)
}

/// What makes the rule that was `written` the one that is `wanted`: whatever others have added to its rules, or to the annotations
/// that say how far a take-over is. Their own labels and annotations stay.
fn repair(wanted: &Value, written: &DynamicObject) -> Option<Value> {
    let mut repair = serde_json::Map::new();
    if written.data.get("spec") != wanted.get("spec") {
        repair.insert("spec".to_owned(), wanted.get("spec").cloned()?);
    }
    let has = |key: &str| written.metadata.annotations.iter().flatten().any(|(name, _)| name == key);
    let should = wanted.pointer("/metadata/annotations");
    let stale = [RECORDING_SINCE, ALERTING_SINCE].into_iter();
    let stale = stale.filter(|key| has(key) && should.is_none_or(|should| should.get(key).is_none()));
    let stale: serde_json::Map<String, Value> = stale.map(|key| (key.to_owned(), Value::Null)).collect();
    if !stale.is_empty() {
        repair.insert("metadata".to_owned(), json!({"annotations": stale}));
    }
    (!repair.is_empty()).then_some(Value::Object(repair))
}

/// Whether a version of the API server is older than another: what was written is not yet seen. Versions are numbers.
fn is_older(version: &str, than: &str) -> bool {
    matches!((version.parse::<u64>(), than.parse::<u64>()), (Ok(version), Ok(than)) if version < than)
}

fn hash_of(rule: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    rule.to_string().hash(&mut hasher);
    hasher.finish()
}
