//! Streams of what changes in the API server.

use super::{
    ask::words,
    world::{Key, World},
};
use kube::{
    Api, Client,
    core::{ApiResource, DynamicObject, PartialObjectMeta},
    runtime::{WatchStreamExt, watcher},
};
use slo_ops::controller::Kind;
use std::{
    collections::BTreeSet,
    pin::Pin,
    time::{Duration, Instant},
};
use tokio_stream::{Stream, StreamExt, StreamMap};

/// What one stream tells of: a kind in one namespace, or in all.
#[derive(Debug, Clone)]
struct Scope {
    /// `None` for the rules.
    kind: Option<Kind>,
    namespace: Option<String>,
    /// What was listed since the list began.
    listed: BTreeSet<(String, String)>,
    is_listing: bool,
    is_synced: bool,
    /// What failed last, and when it was said.
    failure: Option<(String, Instant)>,
}

/// After this time, a failure that goes on is said again.
const SAY_AGAIN: Duration = Duration::from_secs(300);

enum Item {
    Object(watcher::Event<DynamicObject>),
    Rule(watcher::Event<PartialObjectMeta<DynamicObject>>),
}

type Items = Pin<Box<dyn Stream<Item = Result<Item, watcher::Error>> + Send>>;

/// All streams.
pub(super) struct Watches {
    streams: StreamMap<usize, Items>,
    scopes: Vec<Scope>,
}

/// The rules of the Prometheus operator.
pub(super) fn rules() -> ApiResource {
    resource("monitoring.coreos.com", "v1", "PrometheusRule", "prometheusrules")
}

pub(super) fn resource_of(kind: Kind) -> ApiResource {
    resource(kind.group(), kind.version(), kind.name(), kind.plural())
}

fn resource(group: &str, version: &str, kind: &str, plural: &str) -> ApiResource {
    ApiResource {
        group: group.to_owned(),
        version: version.to_owned(),
        api_version: format!("{group}/{version}"),
        kind: kind.to_owned(),
        plural: plural.to_owned(),
    }
}

impl Watches {
    /// Watches these namespaces; all if there are none.
    pub(super) fn new(client: &Client, namespaces: &[String]) -> Self {
        let mut all = Self { streams: StreamMap::new(), scopes: Vec::new() };
        let places: Vec<Option<&String>> =
            if namespaces.is_empty() { vec![None] } else { namespaces.iter().map(Some).collect() };
        for namespace in places {
            for kind in Kind::ALL {
                let api: Api<DynamicObject> = api(client, namespace, &resource_of(kind));
                let items = watcher(api, watcher::Config::default()).default_backoff();
                all.add(Some(kind), namespace, Box::pin(items.map(|item| item.map(Item::Object))));
            }
            let api: Api<PartialObjectMeta<DynamicObject>> = api(client, namespace, &rules());
            let items = watcher(api, watcher::Config::default()).default_backoff();
            all.add(None, namespace, Box::pin(items.map(|item| item.map(Item::Rule))));
        }
        all
    }

    fn add(&mut self, kind: Option<Kind>, namespace: Option<&String>, items: Items) {
        self.streams.insert(self.scopes.len(), items);
        self.scopes.push(Scope {
            kind,
            namespace: namespace.cloned(),
            listed: BTreeSet::new(),
            is_listing: false,
            is_synced: false,
            failure: None,
        });
    }

    /// Whether everything was listed once. A kind that the API server does not know is listed.
    pub(super) fn are_synced(&self) -> bool {
        self.scopes.iter().all(|scope| scope.is_synced)
    }

    /// Waits for the next change, and tells `world`. Returns the objects to look at; an error, for a stream that goes on by itself, if it
    /// is news.
    pub(super) async fn next(&mut self, world: &mut World) -> Result<Vec<Key>, String> {
        let Some((index, item)) = self.streams.next().await else {
            // The streams never end.
            return std::future::pending().await;
        };
        let Some(scope) = self.scopes.get_mut(index) else { return Ok(Vec::new()) };
        match item {
            Ok(Item::Object(event)) => Ok(scope.object(event, world)),
            Ok(Item::Rule(event)) => Ok(scope.rule(event, world)),
            Err(error) => {
                let (code, why) = reason(&error);
                match scope.kind {
                    // Its definition is not there, or not any more. It is tried again.
                    Some(kind) if code == Some(404) => {
                        scope.is_synced = true;
                        let gone = world.keys_in(kind, scope.namespace.as_deref());
                        return Ok(gone.iter().flat_map(|key| world.forget(key)).collect());
                    }
                    // The other kinds do not wait for one that may not be read.
                    Some(kind) if code == Some(403) && kind.tool().is_some() => scope.is_synced = true,
                    _ => {}
                }
                let what = scope.kind.map_or("PrometheusRule", Kind::name);
                let place = scope.namespace.as_ref().map_or_else(String::new, |name| format!(" in {name}"));
                let said = format!("cannot watch {what}{place}: {why}");
                let is_news = scope
                    .failure
                    .as_ref()
                    .is_none_or(|(before, at)| *before != said || at.elapsed() >= SAY_AGAIN);
                if !is_news {
                    return Ok(Vec::new());
                }
                scope.failure = Some((said.clone(), Instant::now()));
                Err(said)
            }
        }
    }
}

/// An API in one namespace, or in all.
pub(super) fn api<K>(client: &Client, namespace: Option<&String>, resource: &ApiResource) -> Api<K>
where
    K: kube::Resource<DynamicType = ApiResource, Scope = kube::core::DynamicResourceScope>,
{
    match namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, resource),
        None => Api::all_with(client.clone(), resource),
    }
}

/// The code of a failure, and why.
fn reason(error: &watcher::Error) -> (Option<u16>, String) {
    match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => {
            let code = match error {
                kube::Error::Api(status) => Some(status.code),
                _ => None,
            };
            (code, words(error))
        }
        watcher::Error::WatchError(status) => (Some(status.code), status.message.clone()),
        other @ watcher::Error::NoResourceVersion => (None, slo_core::plain(&other.to_string()).into_owned()),
    }
}

impl Scope {
    fn object(&mut self, event: watcher::Event<DynamicObject>, world: &mut World) -> Vec<Key> {
        let Some(kind) = self.kind else { return Vec::new() };
        let key = |place: (String, String)| Key { kind, namespace: place.0, name: place.1 };
        match event {
            watcher::Event::Apply(object) | watcher::Event::InitApply(object) => {
                self.note(place(&object.metadata));
                world.set(kind, &object)
            }
            watcher::Event::Delete(object) => world.forget(&key(place(&object.metadata))),
            watcher::Event::Init => self.begin(),
            watcher::Event::InitDone => {
                let listed = self.done();
                let known = world.keys_in(kind, self.namespace.as_deref());
                let is_gone = |key: &&Key| !listed.contains(&(key.namespace.clone(), key.name.clone()));
                known.iter().filter(is_gone).flat_map(|key| world.forget(key)).collect()
            }
        }
    }

    fn rule(
        &mut self,
        event: watcher::Event<PartialObjectMeta<DynamicObject>>,
        world: &mut World,
    ) -> Vec<Key> {
        match event {
            watcher::Event::Apply(rule) | watcher::Event::InitApply(rule) => {
                self.note(place(&rule.metadata));
                world.set_rule(&rule)
            }
            watcher::Event::Delete(rule) => world.forget_rule(&place(&rule.metadata)),
            watcher::Event::Init => self.begin(),
            watcher::Event::InitDone => {
                let listed = self.done();
                let known = world.rules_in(self.namespace.as_deref());
                let gone = known.iter().filter(|place| !listed.contains(*place));
                gone.flat_map(|place| world.forget_rule(place)).collect()
            }
        }
    }

    fn begin(&mut self) -> Vec<Key> {
        self.listed.clear();
        self.is_listing = true;
        Vec::new()
    }

    fn note(&mut self, place: (String, String)) {
        if self.is_listing {
            self.listed.insert(place);
        }
    }

    fn done(&mut self) -> BTreeSet<(String, String)> {
        (self.is_listing, self.is_synced) = (false, true);
        std::mem::take(&mut self.listed)
    }
}

fn place(meta: &kube::core::ObjectMeta) -> (String, String) {
    (meta.namespace.clone().unwrap_or_default(), meta.name.clone().unwrap_or_default())
}
