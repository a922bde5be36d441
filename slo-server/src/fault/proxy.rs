//! A TCP proxy that can delay, slow down, hold and reset connections.

use super::{
    conditions::{Conditions, Treatment},
    pump::Pump,
};
use slo_core::model::Window;
use slo_ops::experiment::Toxic;
use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep, sleep_until, timeout},
};

/// How long connecting to the upstream may take.
const CONNECTING: Duration = Duration::from_secs(10);
/// How long to wait after a connection could not be accepted, such as without a free descriptor.
const PAUSE: Duration = Duration::from_millis(50);

/// A TCP proxy.
///
/// Bytes arrive in order, and none is lost, whatever it does to a connection short of resetting it.
#[derive(Debug)]
pub struct Proxy {
    listener: TcpListener,
    upstream: String,
    handle: ProxyHandle,
}

/// Why a proxy cannot start.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ProxyError(String);

impl ProxyError {
    pub(super) fn new(error: impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}

/// Changes what a proxy does, while it runs.
#[derive(Debug, Clone)]
pub struct ProxyHandle {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    conditions: watch::Sender<Conditions>,
    // When the toxic is undone, if nobody renews its lease; `None` while it has no end.
    lease: watch::Sender<Option<Instant>>,
    open: AtomicU64,
    accepted: AtomicU64,
    passed: AtomicU64,
}

/// What a proxy is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProxyState {
    /// What it does to connections; `None` if they pass.
    pub toxic: Option<Toxic>,
    /// After how long it stops doing so, unless the lease is renewed; `None` without a lease.
    pub lease: Option<Duration>,
    /// How many connections are open.
    pub open: u64,
    /// How many there have been.
    pub accepted: u64,
    /// How many bytes have passed, both ways.
    pub passed: u64,
}

impl Proxy {
    /// Listens on `listen`, for connections to `upstream`, a host with a port.
    ///
    /// # Errors
    /// An address that cannot be listened on.
    pub async fn bind(listen: SocketAddr, upstream: String) -> Result<Self, ProxyError> {
        let listener =
            TcpListener::bind(listen).await.map_err(|error| ProxyError(format!("{listen}: {error}")))?;
        let shared = Shared {
            conditions: watch::Sender::new(Conditions::default()),
            lease: watch::Sender::new(None),
            open: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
            passed: AtomicU64::new(0),
        };
        Ok(Self { listener, upstream, handle: ProxyHandle { shared: Arc::new(shared) } })
    }

    /// The address that it listens on.
    ///
    /// # Errors
    /// A socket that is gone.
    pub fn address(&self) -> Result<SocketAddr, ProxyError> {
        self.listener.local_addr().map_err(|error| ProxyError(error.to_string()))
    }

    /// Changes what it does, while it runs.
    #[must_use]
    pub fn handle(&self) -> ProxyHandle {
        self.handle.clone()
    }

    /// Passes connections on until `stop` is true. Connections that are open then are cut.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let keeper = tokio::spawn(self.handle.clone().keep_lease());
        let mut connections = JoinSet::new();
        let stopped = async move {
            let _gone = stop.wait_for(|stop| *stop).await;
        };
        tokio::pin!(stopped);
        loop {
            tokio::select! {
                () = &mut stopped => break,
                accepted = self.listener.accept() => match accepted {
                    Ok((client, _)) => {
                        let number = self.handle.shared.accepted.fetch_add(1, Ordering::Relaxed);
                        connections.spawn(pass(client, self.upstream.clone(), self.handle.clone(), number));
                    }
                    Err(_) => sleep(PAUSE).await,
                },
                Some(_) = connections.join_next() => {}
            }
        }
        keeper.abort();
        connections.shutdown().await;
    }
}

impl ProxyHandle {
    /// Does `toxic` to connections, for as long as `lease`, or without an end. The same toxic again renews its lease.
    pub fn arm(&self, toxic: Toxic, lease: Option<Window>) {
        let deadline = lease.map(|lease| Instant::now() + lease.as_duration());
        self.shared.lease.send_replace(deadline);
        self.shared.conditions.send_if_modified(|conditions| {
            let is_new = conditions.toxic() != Some(&toxic);
            if is_new {
                *conditions = Conditions::new(Some(toxic));
            }
            is_new
        });
    }

    /// Lets connections pass again. Does nothing if they do.
    pub fn disarm(&self) {
        self.shared.lease.send_replace(None);
        self.shared.conditions.send_replace(Conditions::default());
    }

    /// What the proxy is doing.
    #[must_use]
    pub fn state(&self) -> ProxyState {
        let lease = *self.shared.lease.borrow();
        ProxyState {
            toxic: self.shared.conditions.borrow().toxic().cloned(),
            lease: lease.map(|deadline| deadline.saturating_duration_since(Instant::now())),
            open: self.shared.open.load(Ordering::Relaxed),
            accepted: self.shared.accepted.load(Ordering::Relaxed),
            passed: self.shared.passed.load(Ordering::Relaxed),
        }
    }

    /// Disarms when a lease runs out.
    async fn keep_lease(self) {
        let mut lease = self.shared.lease.subscribe();
        loop {
            let deadline = *lease.borrow_and_update();
            let over = async {
                match deadline {
                    Some(deadline) => sleep_until(deadline).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                changed = lease.changed() => if changed.is_err() { return },
                // A renewal may have come in the meantime.
                () = over => if *self.shared.lease.borrow() == deadline { self.disarm() },
            }
        }
    }
}

/// Passes one connection on.
async fn pass(client: TcpStream, upstream: String, handle: ProxyHandle, number: u64) {
    let shared = &handle.shared;
    shared.open.fetch_add(1, Ordering::Relaxed);
    let _open = Open(&shared.open);
    let conditions = shared.conditions.subscribe();
    let treatment = conditions.borrow().of(number);
    if treatment == Treatment::Reset {
        return reset(&client);
    }
    let Ok(Ok(server)) = timeout(CONNECTING, TcpStream::connect(&upstream)).await else {
        return reset(&client);
    };
    // The proxy adds no delay of its own; a socket that refuses is one that is gone.
    let _gone = (client.set_nodelay(true), server.set_nodelay(true));
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let seed = conditions.borrow().toxic().map_or(0, |toxic| toxic.seed);
    let random = |direction: u64| fastrand::Rng::with_seed(seed ^ (number << 1) ^ direction);
    let there = Pump {
        from: &mut from_client,
        to: &mut to_server,
        conditions: conditions.clone(),
        number,
        random: random(0),
        passed: &shared.passed,
    };
    let back = Pump {
        from: &mut from_server,
        to: &mut to_client,
        conditions: conditions.clone(),
        number,
        random: random(1),
        passed: &shared.passed,
    };
    if tokio::try_join!(there.run(), back.run()).is_err() {
        reset(from_client.as_ref());
        reset(from_server.as_ref());
        // Dropping them would end the connections first.
        to_client.forget();
        to_server.forget();
    }
}

/// Has the connection end with a reset, as that of a process that crashed.
fn reset(stream: &TcpStream) {
    let _gone: io::Result<()> =
        rustix::net::sockopt::set_socket_linger(stream, Some(Duration::ZERO)).map_err(Into::into);
}

/// Counts a connection as closed when it is dropped.
struct Open<'a>(&'a AtomicU64);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
