//! The controller: what is looked at, and when.

use super::{
    act::{Done, Hands, Look, Looked},
    config::ControllerConfig,
    http,
    lease::{EVERY, Election, Leadership},
    own::{Own, State, counted},
    watch::Watches,
    world::{Key, World},
};
use kube::{
    Client, Config,
    runtime::events::{Recorder, Reporter},
};
use slo_ops::controller::CONTROLLER;
use std::{
    collections::{BTreeSet, HashMap, HashSet},
    fmt,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant as Clock},
};
use thiserror::Error;
use tokio::{
    net::TcpListener,
    sync::watch,
    task::{Id, JoinError, JoinSet},
    time::{Instant, MissedTickBehavior, interval, sleep_until, timeout},
};

/// How many objects are looked at at once.
const AT_ONCE: usize = 8;
/// How long to wait after a failure; twice as long after each further one, up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// How often the main loop says how it is.
const TELLS: Duration = Duration::from_millis(500);
/// How long looks may take to end when the process is told to.
const TO_END: Duration = Duration::from_secs(5);
/// How long it may take to give the lease back.
const TO_GIVE_BACK: Duration = Duration::from_secs(3);

/// Why a controller cannot begin.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct ControllerError(String);

impl ControllerError {
    fn new(error: &impl ToString) -> Self {
        Self(error.to_string())
    }
}

/// A controller that listens.
pub struct Controller {
    config: ControllerConfig,
    client: Client,
    namespace: String,
    listener: TcpListener,
}

impl fmt::Debug for Controller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Controller").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Controller {
    /// Reads the settings of the pod or of `kubectl`, and opens the port.
    ///
    /// # Errors
    /// No settings, or a port that cannot be used.
    pub async fn open(config: ControllerConfig) -> Result<Self, ControllerError> {
        let settings = Config::infer().await.map_err(|error| {
            ControllerError(format!("Kubernetes: {error}\n  hint: set KUBECONFIG, or run it in the cluster"))
        })?;
        let namespace = config.lease_namespace.clone().unwrap_or_else(|| settings.default_namespace.clone());
        let client = Client::try_from(settings).map_err(|error| ControllerError::new(&error))?;
        let listener = TcpListener::bind(config.listen)
            .await
            .map_err(|error| ControllerError(format!("{}: {error}", config.listen)))?;
        Ok(Self { config, client, namespace, listener })
    }

    /// The address that it listens on.
    ///
    /// # Errors
    /// A port that cannot be used.
    pub fn address(&self) -> Result<SocketAddr, ControllerError> {
        self.listener.local_addr().map_err(|error| ControllerError::new(&error))
    }

    /// Runs until `stop` is true. `say` gets a line for each event, and for each failure.
    ///
    /// # Errors
    /// Metrics that cannot be made.
    pub async fn run(
        self,
        mut stop: watch::Receiver<bool>,
        say: impl Fn(&str) + Send + Sync + 'static,
    ) -> Result<(), ControllerError> {
        let own = Arc::new(Own::new().map_err(|error| ControllerError::new(&error))?);
        let identity = identity();
        let reporter = Reporter { controller: CONTROLLER.to_owned(), instance: Some(identity.clone()) };
        let served = tokio::spawn(http::serve(self.listener, Arc::clone(&own)));
        let leadership = Leadership::default();
        // Whether everything was listed, and whether the lease can be had.
        let (synced, elects) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let mut election = Election::new(&self.client, &self.namespace, identity, leadership.clone());
        let mut round = Round {
            watches: Watches::new(&self.client, &self.config.namespaces),
            world: World::new(self.config.defaults.clone()),
            queue: Queue::default(),
            done: HashMap::new(),
            hands: Arc::new(Hands {
                recorder: Recorder::new(self.client.clone(), reporter),
                client: self.client.clone(),
                config: self.config,
                say: Box::new(say),
                leadership: leadership.clone(),
            }),
            own,
            leads: false,
            elects: elects.clone(),
            was_synced: false,
            running: JoinSet::new(),
            tasks: HashMap::new(),
        };
        let (leads, mut led) = watch::channel(false);
        let elected = tokio::spawn({
            let (hands, mut stop) = (Arc::clone(&round.hands), stop.clone());
            let (synced, elects) = (Arc::clone(&synced), Arc::clone(&elects));
            async move {
                let mut said = String::new();
                let mut ticks = interval(EVERY);
                ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
                loop {
                    tokio::select! {
                        _ = ticks.tick() => {}
                        _ = stop.wait_for(|stop| *stop) => break,
                    }
                    // Who does not see everything yet leaves the lease to others.
                    if !synced.load(Ordering::Relaxed) {
                        continue;
                    }
                    let ended = tokio::select! {
                        ended = election.attempt() => ended,
                        _ = stop.wait_for(|stop| *stop) => break,
                    };
                    elects.store(ended.is_ok(), Ordering::Relaxed);
                    let now = match ended {
                        Ok(Some(holder)) => format!("waits: {holder} leads"),
                        Ok(None) => String::new(),
                        Err(error) => error,
                    };
                    if now != said {
                        said.clone_from(&now);
                        if !now.is_empty() {
                            (hands.say)(&now);
                        }
                    }
                    let holds = leadership.holds();
                    leads.send_if_modified(|leads| std::mem::replace(leads, holds) != holds);
                }
                election
            }
        });
        let mut ticks = interval(TELLS);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let due = round.queue.due(round.may_begin());
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => break,
                Ok(()) = led.changed() => round.lead(*led.borrow_and_update()),
                changed = round.watches.next(&mut round.world) => match changed {
                    Ok(keys) => round.touched(keys, &synced),
                    Err(error) => {
                        (round.hands.say)(&error);
                        round.touched(Vec::new(), &synced);
                    }
                },
                Some(ended) = round.running.join_next_with_id() => round.ended(ended),
                () = due => round.begin(),
                _ = ticks.tick() => round.tell(),
            }
        }
        let ends = async { while round.running.join_next().await.is_some() {} };
        if timeout(TO_END, ends).await.is_err() {
            // Nothing is half-written: each call is one.
            round.running.shutdown().await;
        }
        if let Ok(mut election) = elected.await {
            // If that takes too long, the next one waits until the lease is over.
            if let Ok(Err(error)) = timeout(TO_GIVE_BACK, election.give_back()).await {
                (round.hands.say)(&error);
            }
        }
        served.abort();
        (round.hands.say)("ended");
        Ok(())
    }
}

/// A name that no other process has: that of the pod, or of the machine, and a number.
fn identity() -> String {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("{host}_{:016x}", fastrand::u64(..))
}

/// What the loop works with.
struct Round {
    watches: Watches,
    world: World,
    queue: Queue,
    done: HashMap<Key, Done>,
    hands: Arc<Hands>,
    own: Arc<Own>,
    leads: bool,
    elects: Arc<AtomicBool>,
    was_synced: bool,
    running: JoinSet<Looked>,
    tasks: HashMap<Id, Key>,
}

impl Round {
    /// Whether another object may be looked at now.
    fn may_begin(&self) -> bool {
        self.leads
            && self.hands.leadership.holds()
            && self.watches.are_synced()
            && self.running.len() < AT_ONCE
    }

    /// These objects have changed, or their rules.
    fn touched(&mut self, keys: Vec<Key>, synced: &AtomicBool) {
        let now = Instant::now();
        for key in keys {
            let quiet = self.done.get(&key).and_then(|done| done.quiet_until);
            self.queue.add([key], quiet.map_or(now, |until| until.max(now)));
        }
        if !self.was_synced && self.watches.are_synced() {
            self.was_synced = true;
            synced.store(true, Ordering::Relaxed);
            let place = match self.hands.config.namespaces.as_slice() {
                [] => "all namespaces".to_owned(),
                names => names.join(", "),
            };
            (self.hands.say)(&format!("found {} objects with SLOs in {place}", self.world.keys().len()));
        }
    }

    /// It has, or has not any more, the right to write.
    fn lead(&mut self, leads: bool) {
        (self.hands.say)(if leads { "leads" } else { "does not lead" });
        self.leads = leads;
        // What is done under another leader is not known.
        self.done.clear();
        if leads {
            self.queue.add(self.world.keys(), Instant::now());
        }
    }

    /// Looks at the next object.
    fn begin(&mut self) {
        let Some(key) = self.queue.take() else { return };
        let done = self.done.get(&key).cloned().unwrap_or_default();
        let Some(look) = Look::at(&self.world, key.clone(), done) else {
            self.done.remove(&key);
            self.queue.end(&key);
            return;
        };
        let (hands, event) = (Arc::clone(&self.hands), self.own.look());
        let task = self.running.spawn(async move {
            let looked = look.act(&hands).await;
            match &looked.result {
                Ok(_) => event.good(),
                Err(_) => event.bad("failed"),
            }
            looked
        });
        self.tasks.insert(task.id(), key);
    }

    /// A look has ended.
    fn ended(&mut self, ended: Result<(Id, Looked), JoinError>) {
        let Looked { key, result } = match ended {
            Ok((task, looked)) => {
                self.tasks.remove(&task);
                looked
            }
            // A panic is a fault of this program. The others are looked at all the same.
            Err(error) => {
                let Some(key) = self.tasks.remove(&error.id()) else { return };
                Looked { key, result: Err(error.to_string()) }
            }
        };
        match result {
            Ok((done, again)) => {
                self.queue.end(&key);
                if self.world.get(&key).is_some() {
                    self.done.insert(key.clone(), done);
                    self.queue.add_later(key, again);
                }
            }
            Err(error) => {
                (self.hands.say)(&format!("{} {}/{}: {error}", key.kind, key.namespace, key.name));
                self.queue.failed(key);
            }
        }
    }

    fn tell(&self) {
        self.own.set(State {
            is_synced: self.watches.are_synced(),
            leads: self.leads,
            elects: self.elects.load(Ordering::Relaxed),
            waiting: self.queue.len(Instant::now()) + self.running.len(),
            objects: counted(&self.done),
            at: Clock::now(),
        });
    }
}

/// When each object is looked at next.
#[derive(Debug, Default)]
struct Queue {
    times: HashMap<Key, Instant>,
    order: BTreeSet<(Instant, Key)>,
    running: HashSet<Key>,
    failures: HashMap<Key, u32>,
}

impl Queue {
    /// Looks at these objects at `at`, or earlier if that was said before.
    fn add(&mut self, keys: impl IntoIterator<Item = Key>, at: Instant) {
        for key in keys {
            if self.times.get(&key).is_some_and(|time| *time <= at) {
                continue;
            }
            if let Some(time) = self.times.insert(key.clone(), at) {
                self.order.remove(&(time, key.clone()));
            }
            self.order.insert((at, key));
        }
    }

    fn add_later(&mut self, key: Key, wait: Duration) {
        self.add([key], Instant::now() + wait);
    }

    /// Waits until an object is due; for ever if none is to be looked at now.
    fn due(&self, may_begin: bool) -> impl Future<Output = ()> + use<> {
        let next = self.order.iter().find(|(_, key)| !self.running.contains(key)).map(|(at, _)| *at);
        async move {
            match next.filter(|_| may_begin) {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        }
    }

    /// The object that is due. An object is looked at by one at a time.
    fn take(&mut self) -> Option<Key> {
        let (at, key) = self.order.iter().find(|(_, key)| !self.running.contains(key)).cloned()?;
        self.order.remove(&(at, key.clone()));
        self.times.remove(&key);
        self.running.insert(key.clone());
        Some(key)
    }

    /// A look has ended well.
    fn end(&mut self, key: &Key) {
        self.running.remove(key);
        self.failures.remove(key);
    }

    /// A look has failed.
    fn failed(&mut self, key: Key) {
        self.running.remove(&key);
        let count = self.failures.entry(key.clone()).or_default();
        let wait = FIRST_WAIT.saturating_mul(1_u32.checked_shl(*count).unwrap_or(u32::MAX)).min(LONGEST_WAIT);
        *count = (*count + 1).min(16);
        self.add_later(key, wait);
    }

    /// How many are due.
    fn len(&self, now: Instant) -> usize {
        self.order.iter().take_while(|(at, _)| *at <= now).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use slo_ops::controller::Kind;

    fn key(name: &str) -> Key {
        Key { kind: Kind::Slo, namespace: "shop".to_owned(), name: name.to_owned() }
    }

    #[tokio::test(start_paused = true)]
    async fn an_object_is_looked_at_by_one_at_a_time() {
        let mut queue = Queue::default();
        let now = Instant::now();
        queue.add([key("a"), key("b")], now);
        queue.add([key("a")], now + Duration::from_secs(9));
        assert_eq!((queue.len(now), queue.take()), (2, Some(key("a"))));
        // It changes meanwhile: it waits until the look at it has ended.
        queue.add([key("a")], now);
        assert_eq!((queue.take(), queue.take()), (Some(key("b")), None));
        queue.end(&key("a"));
        assert_eq!(queue.take(), Some(key("a")));
    }

    #[tokio::test(start_paused = true)]
    async fn failures_wait_longer_and_longer_until_one_succeeds() {
        let mut queue = Queue::default();
        let mut waits = Vec::new();
        for _ in 0..20 {
            queue.add([key("a")], Instant::now());
            let key = queue.take().unwrap();
            queue.failed(key.clone());
            waits.push(queue.times[&key].duration_since(Instant::now()).as_secs());
            queue.add([key], Instant::now());
        }
        assert_eq!((waits[..4].to_vec(), waits[10], waits[19]), (vec![1, 2, 4, 8], 300, 300));
        let first = queue.take().unwrap();
        queue.end(&first);
        queue.failed(first.clone());
        assert_eq!(queue.times[&first].duration_since(Instant::now()).as_secs(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_due_without_the_lease() {
        let mut queue = Queue::default();
        queue.add([key("a")], Instant::now());
        assert!(timeout(Duration::from_secs(60), queue.due(false)).await.is_err());
        assert!(timeout(Duration::from_secs(60), queue.due(true)).await.is_ok());
    }
}
