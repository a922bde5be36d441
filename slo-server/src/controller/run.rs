//! The controller: what is looked at, and when.

use super::{
    act::{Done, Hands, Look, Looked, MANAGER},
    config::ControllerConfig,
    http,
    lease::{EVERY, Election},
    own::{Own, State, counted},
    watch::Watches,
    world::{Key, World},
};
use kube::{
    Client, Config,
    runtime::events::{Recorder, Reporter},
};
use std::{
    collections::{BTreeSet, HashMap, HashSet},
    fmt,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant as Clock},
};
use thiserror::Error;
use tokio::{
    net::TcpListener,
    sync::watch,
    task::JoinSet,
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
        let reporter = Reporter { controller: MANAGER.to_owned(), instance: Some(identity.clone()) };
        let served = tokio::spawn(http::serve(self.listener, Arc::clone(&own)));
        let mut election = Election::new(&self.client, &self.namespace, identity);
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
            }),
            own,
            leads: false,
            running: JoinSet::new(),
        };
        let (leads, mut led) = watch::channel(false);
        let elected = tokio::spawn({
            let (hands, mut stop) = (Arc::clone(&round.hands), stop.clone());
            async move {
                let mut ticks = interval(EVERY);
                ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
                loop {
                    tokio::select! {
                        _ = ticks.tick() => {}
                        _ = stop.wait_for(|stop| *stop) => break,
                    }
                    if let Err(error) = election.attempt().await {
                        (hands.say)(&error);
                    }
                    leads.send_if_modified(|leads| {
                        std::mem::replace(leads, election.leads()) != election.leads()
                    });
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
                    Ok(keys) => round.queue.add(keys, Instant::now()),
                    Err(error) => (round.hands.say)(&error),
                },
                Some(ended) = round.running.join_next() => round.ended(ended),
                () = due => round.begin(),
                _ = ticks.tick() => round.tell(),
            }
        }
        let ends = async { while round.running.join_next().await.is_some() {} };
        // What is still running ends with the process; nothing is half-written.
        let _late = timeout(TO_END, ends).await;
        if let Ok(mut election) = elected.await
            && let Err(error) = election.give_back().await
        {
            (round.hands.say)(&error);
        }
        served.abort();
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
    running: JoinSet<Looked>,
}

impl Round {
    /// Whether another object may be looked at now.
    fn may_begin(&self) -> bool {
        self.leads && self.watches.are_synced() && self.running.len() < AT_ONCE
    }

    /// It has, or has not any more, the right to write.
    fn lead(&mut self, leads: bool) {
        (self.hands.say)(if leads { "leads" } else { "does not lead" });
        self.leads = leads;
        if leads {
            // What was done under another leader is not known.
            self.done.clear();
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
        self.running.spawn(async move {
            let looked = look.act(&hands).await;
            match &looked.result {
                Ok(_) => event.good(),
                Err(_) => event.bad("failed"),
            }
            looked
        });
    }

    /// A look has ended.
    fn ended(&mut self, ended: Result<Looked, tokio::task::JoinError>) {
        // A look that panics is a fault of this program: the object is looked at again when it changes.
        let Ok(Looked { key, result }) = ended else { return };
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
