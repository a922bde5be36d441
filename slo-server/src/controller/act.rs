//! What is done for one object.

use super::{
    ask::{TIMEOUT, answer, failed},
    config::ControllerConfig,
    lease::Leadership,
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
    ALERTING_SINCE, CONTROLLER, Claims, Holder, Kind, Manager, Object, Phase, RECORDING_SINCE, Read, Reason,
    Verdict, shorten,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    time::Duration,
};
use tokio::time::{Instant, timeout};

/// When an object is looked at again although nothing has changed: bounds of calendar periods are written from time to time.
const AGAIN: Duration = Duration::from_secs(6 * 3_600);
/// When an object is looked at again that cannot have its rule.
const RETRY: Duration = Duration::from_secs(60);
/// For how long a new object of Sloth or Pyrra is left to its tool.
const NEWBORN: Duration = Duration::from_secs(10);
/// How long changes are not looked at after the rule was restored, at first, and when that is forgotten.
const FIRST_QUIET: Duration = Duration::from_millis(500);
const FORGIVEN: Duration = Duration::from_secs(600);
/// From this size on, in bytes, a rule may be too large: etcd takes 1.5 MiB, if nobody has told it otherwise.
const LARGE: usize = 1_400_000;
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
    /// How often in a row the rule had to be restored.
    restores: u32,
    /// Before that, changes of others are not looked at.
    pub(super) quiet_until: Option<Instant>,
}

impl Done {
    /// The rule had to be restored. Each time that happens again soon, the next look waits longer, so that nobody is fought without end.
    fn restored(&mut self, now: Instant) {
        let is_again = self.quiet_until.is_some_and(|until| now < until + FORGIVEN);
        self.restores = if is_again { (self.restores + 1).min(10) } else { 0 };
        self.quiet_until = Some(now + FIRST_QUIET.saturating_mul(1 << self.restores));
    }
}

/// What is known of an object when it is looked at.
#[derive(Debug, Clone)]
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
        let decided = self.decide(hands, &mut done).await;
        let (verdict, again) = match &decided {
            Ok(Some((verdict, again))) => (verdict.clone(), *again),
            Ok(None) => return Ok((done, NEWBORN)),
            Err(why) => {
                let count = self.known.read.as_ref().map_or(0, |read| read.service.slos().len());
                (Verdict::failed(why, count), RETRY)
            }
        };
        if let Some(status) = verdict.status(&self.object, now(), !self.others.is_empty()) {
            let set = self.set_status(hands, &status).await;
            // Why the rule could not be written counts more than that this cannot be said.
            if decided.is_ok() {
                set?;
            }
        }
        let said = (verdict.reason, verdict.message.clone());
        if done.said.as_ref() != Some(&said) {
            if !self.says_so(&verdict) {
                let is_well =
                    matches!(verdict.reason, Reason::RulesWritten | Reason::Recording) && !verdict.loses;
                self.tell(hands, is_well, verdict.reason.as_str(), "Write", &verdict.message).await?;
            }
            done.said = Some(said);
        }
        decided.map(|_| (done, again))
    }

    /// Writes the rule. Returns what is to be said, and when to look again; `None` while it is too early to tell.
    async fn decide(&self, hands: &Hands, done: &mut Done) -> Result<Option<(Verdict, Duration)>, String> {
        let is_of_other = self.own.as_ref().is_some_and(|rule| !rule.is_of(&self.object));
        let read = match &self.known.read {
            Ok(read) => read,
            Err(faults) => {
                return Ok(Some((Verdict::invalid(faults, self.own.is_some() && !is_of_other), AGAIN)));
            }
        };
        if is_of_other || (self.own.is_none() && self.is_taken(hands).await?) {
            let owner = self.own.as_ref().and_then(Rule::owner);
            return Ok(Some((
                Verdict::conflict(&self.object, owner.as_deref(), read.service.slos().len()),
                RETRY,
            )));
        }
        let age = Duration::from_millis(now().millis_since(self.object.created));
        if self.object.kind.tool().is_some() && self.own.is_none() && self.others.is_empty() && age < NEWBORN
        {
            // Its tool may run, and write its rules first.
            return Ok(None);
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
                Err(verdict) => return Ok(Some((verdict, RETRY))),
            }
        }
        if matches!(phase, Phase::Replacing { .. }) {
            self.delete_others(hands).await?;
            // What the others recorded is recorded by ours at once.
            let alone = Self { others: Vec::new(), ..self.clone() };
            if let Err(verdict) = alone.write_rule(hands, left.as_ref(), Phase::Alone, done).await? {
                return Ok(Some((verdict, RETRY)));
            }
        }
        let verdict = if names.is_empty() {
            let others: Vec<String> = self.others.iter().map(|rule| rule.name.clone()).collect();
            Verdict::written(&self.object, read, phase, &others, hands.config.takes_over)
        } else {
            Verdict::duplicate(&self.taken, left.map_or(0, |read| read.service.slos().len()))
        };
        let end = phase.ends(read.longest_window()).filter(|_| hands.config.takes_over);
        let until = end.map(|end| Duration::from_millis(end.millis_since(now())));
        let soon = Duration::from_secs(1);
        let again = until.map_or(AGAIN, |time| time.clamp(soon, AGAIN));
        Ok(Some((verdict.beside(self.elsewhere.clone()), again)))
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
        let mut rule = match hands.config.writer.rule(&self.object, read, now(), phase, &recorded) {
            Ok(rule) => rule,
            Err(error) => return Ok(Err(Verdict::impossible(&error, self.own.is_some()))),
        };
        let text = rule.to_string();
        let (hash, size) = (hash_of(&text), text.len());
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
        if let (Some(own), Some(metadata)) =
            (&self.own, rule.pointer_mut("/metadata").and_then(Value::as_object_mut))
        {
            // Another object of this name is not written to.
            metadata.insert("uid".to_owned(), own.uid.clone().into());
        }
        let apply = PatchParams::apply(CONTROLLER).force();
        hands.may_write()?;
        let written = match timeout(TIMEOUT, api.patch(&name, &apply, &Patch::Apply(&rule))).await {
            Ok(Ok(written)) => written,
            // Invalid, too large, or forbidden: it is not different soon. Each part of an API server words differently what is too
            // large for it.
            Ok(Err(kube::Error::Api(status)))
                if matches!(status.code, 400 | 403 | 413 | 422) || size > LARGE =>
            {
                let why = slo_core::plain(&status.message);
                let why = if size > LARGE {
                    format!("they take {:.1} MB, so split the object: {why}", size as f64 / 1e6)
                } else {
                    why.into_owned()
                };
                return Ok(Err(Verdict::refused(&why, count)));
            }
            other => return Err(failed(&format!("write PrometheusRule {name}"), other)),
        };
        let (mut metadata, mut meddled) = (written.metadata.clone(), meddled);
        if let Some(repair) = repair(&rule, &written) {
            let what = format!("restore PrometheusRule {name}");
            let patch = Patch::Merge(&repair);
            hands.may_write()?;
            let restored = answer(&what, api.patch(&name, &PatchParams::default(), &patch)).await?;
            if restored.data.get("spec") == rule.get("spec") {
                meddled = meddled.or_else(|| repair.get("spec").map(|_| "changed"));
            } else {
                let note = format!(
                    "the API server does not keep all of PrometheusRule {name}: its definition is older, or a webhook changes it"
                );
                self.tell(hands, false, "NotKept", "Write", &note).await?;
            }
            metadata = restored.metadata;
        }
        if let Some(how) = meddled {
            let who = self.own.as_ref().and_then(|own| own.writer.as_deref()).unwrap_or("somebody else");
            let note = format!("{who} has {how} PrometheusRule {name}");
            done.restored(Instant::now());
            self.tell(hands, false, "RulesRestored", "Restore", &note).await?;
        }
        done.hash = hash;
        done.version = metadata.resource_version.unwrap_or_default();
        done.generation = metadata.generation.unwrap_or_default();
        Ok(Ok(()))
    }

    /// Whether the API server has a rule of this name that is not seen yet, and is not ours.
    async fn is_taken(&self, hands: &Hands) -> Result<bool, String> {
        let name = self.object.rule_name();
        let found = answer("read a PrometheusRule", self.rules(hands).get_metadata_opt(&name)).await?;
        let is_other = |labels: &BTreeMap<String, String>| Manager::of(labels) == Manager::Other;
        Ok(found.is_some_and(|rule| is_other(&rule.metadata.labels.unwrap_or_default())))
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
            hands.may_write()?;
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
        hands.may_write()?;
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
        shorten(&mut note, NOTE);
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
        hands.may_write()?;
        if let Err(why) = answer("write an event", hands.recorder.publish(&event, &regarding)).await {
            // The status says it, too.
            (hands.say)(&why);
        }
        Ok(())
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
    pub(super) leadership: Leadership,
}

impl Hands {
    /// An error if the lease may be over before a write that begins now.
    fn may_write(&self) -> Result<(), String> {
        if self.leadership.holds() {
            Ok(())
        } else {
            Err("nothing is written: another process may lead".to_owned())
        }
    }
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

fn hash_of(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}
