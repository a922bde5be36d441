//! The counters for the events of one kind: its routes and their series.

use super::{
    Circumstance, Class, Classify, Edges, End, Ended, Key, Kind, Outcome, SloCounter,
    cells::Pool,
    classify::by_convention,
    labels::{Labelled, labels},
    method::{METHODS, Method},
    names::Names,
    series::Series,
    twice::Twice,
};
use crate::trace::Tracer;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError, RwLock, Weak,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

/// Counts the events of one kind, and of one peer where they go to one.
#[derive(Debug)]
pub(crate) struct Instrument {
    id: u32,
    kind: Kind,
    peer: Box<str>,
    shape: Arc<Shape>,
    routes: Names<Route>,
    // Never freed, so that requests can refer to it without a reference count.
    twice: &'static Twice,
    // How many events of each method were started, and then how many are over.
    flow: Arc<Pool>,
}

/// The parts that all series of a service share.
#[derive(Debug)]
pub(crate) struct Shape {
    pub(crate) edges: Edges,
    pub(crate) slos: Vec<SloCounter>,
    pub(crate) classify: Option<Box<dyn Classify>>,
    pub(crate) tracer: Option<Tracer>,
}

/// The series of one route, gRPC method or operation.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) name: Box<str>,
    kind: Kind,
    peer: Box<str>,
    // How long a client waits before its leaving is bad.
    patience: Option<Duration>,
    pub(crate) shape: Arc<Shape>,
    series: Mutex<Known>,
}

/// The series of a route.
#[derive(Debug, Default)]
struct Known {
    // Appended to as combinations of labels occur.
    by_key: Vec<(Key, Arc<Series>)>,
    // Each once, by methods and in the order in which they occurred.
    all: Arc<[Arc<Series>]>,
}

/// The route of requests that no route matched, whatever their path.
pub(crate) const UNMATCHED: &str = "_unmatched";
/// The gRPC method of calls to unknown methods.
pub(crate) const OTHER: &str = "_OTHER";
/// The route of requests to routes beyond [`MOST_ROUTES`].
pub(crate) const OVERFLOW: &str = "_overflow";
pub(crate) const MOST_ROUTES: usize = 1_000;

/// All instruments of the process, by number. A request holds the number, not a shared reference: processors
/// would contend for its count.
static INSTRUMENTS: RwLock<Vec<Weak<Instrument>>> = RwLock::new(Vec::new());

impl Instrument {
    pub(crate) fn new(kind: Kind, peer: &str, shape: Arc<Shape>) -> Arc<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let instrument = Arc::new(Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            kind,
            peer: peer.into(),
            shape,
            routes: Names::default(),
            twice: Box::leak(Box::new(Twice::new())),
            flow: Arc::new(Pool::new(2 * METHODS.len())),
        });
        let mut all = INSTRUMENTS.write().unwrap_or_else(PoisonError::into_inner);
        all.retain(|instrument| instrument.strong_count() > 0);
        all.push(Arc::downgrade(&instrument));
        instrument
    }

    /// The instrument with this number, unless its service is gone.
    pub(crate) fn find(id: u32) -> Option<Arc<Self>> {
        let all = INSTRUMENTS.read().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter_map(Weak::upgrade).find(|instrument| instrument.id == id)
    }

    pub(crate) const fn id(&self) -> u32 {
        self.id
    }

    pub(crate) const fn kind(&self) -> Kind {
        self.kind
    }

    pub(crate) const fn peer(&self) -> &str {
        &self.peer
    }

    pub(crate) const fn twice(&self) -> &'static Twice {
        self.twice
    }

    pub(crate) const fn flow(&self) -> &Arc<Pool> {
        &self.flow
    }

    /// The number of the route `name`, where it is known.
    pub(crate) fn known_route(&self, name: &str) -> Option<u32> {
        self.routes.number(name)
    }

    /// The number of the route `name`.
    pub(crate) fn route(&self, name: &str) -> u32 {
        match self.routes.number(name) {
            Some(number) => number,
            None if self.routes.len() >= MOST_ROUTES && name != OVERFLOW => self.route(OVERFLOW),
            None => self.add_route(name),
        }
    }

    #[cold]
    fn add_route(&self, name: &str) -> u32 {
        let patience =
            self.shape.slos.iter().filter_map(|slo| slo.threshold_of(self.kind, &self.peer, name)).min();
        let new = Arc::new(Route {
            name: name.into(),
            kind: self.kind,
            peer: self.peer.clone(),
            patience,
            shape: Arc::clone(&self.shape),
            series: Mutex::default(),
        });
        self.twice.look();
        self.routes.add(name, &new)
    }

    /// The route with this number.
    pub(crate) fn route_at(&self, number: u32) -> Option<Arc<Route>> {
        self.routes.at(number)
    }

    /// All routes in the order of their names.
    pub(crate) fn routes(&self) -> Arc<[Arc<Route>]> {
        self.routes.sorted()
    }

    /// How many events of each method are on their way; `None` for a method that was never seen.
    pub(crate) fn active(&self) -> [Option<u64>; METHODS.len()] {
        let mut flow = Vec::new();
        self.flow.read(&mut flow);
        let (started, over) = flow.split_at_checked(METHODS.len()).unwrap_or_default();
        let mut active = [None; METHODS.len()];
        for ((active, started), over) in active.iter_mut().zip(started).zip(over) {
            // One may end between the two readings.
            *active = (*started > 0).then(|| started.saturating_sub(*over));
        }
        active
    }
}

impl Route {
    pub(crate) const fn kind(&self) -> Kind {
        self.kind
    }

    /// How an event of this route counts.
    pub(crate) fn class_of(&self, method: Method, end: &End) -> Class {
        let Self { kind, patience, .. } = *self;
        let End { outcome, nanos, circumstance, .. } = *end;
        let duration = Duration::from_nanos(nanos);
        match &self.shape.classify {
            None => by_convention(kind, &self.name, outcome, circumstance, duration, patience),
            Some(classify) => {
                let (peer, name) = (&self.peer, &self.name);
                let ended = Ended { kind, method, peer, name, outcome, circumstance, duration, patience };
                // What the service's own code does must not keep an event from being counted.
                let classified = catch_unwind(AssertUnwindSafe(|| classify.classify(&ended)));
                classified.unwrap_or_else(|payload| {
                    // Dropping what it panicked with may panic again.
                    std::mem::forget(payload);
                    ended.by_convention()
                })
            }
        }
    }

    /// The series of this combination of labels, new ones at zero.
    pub(crate) fn series(&self, key: Key) -> Arc<Series> {
        let mut known = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        let Known { by_key, all } = &mut *known;
        if let Some((_, series)) = by_key.iter().find(|(known, _)| *known == key) {
            return Arc::clone(series);
        }
        let Key { method, outcome, class } = key;
        let (peer, name) = (&*self.peer, &*self.name);
        let labels = labels(self.kind, &Labelled { peer, name, method: method.name(), outcome, class });
        let ignored = key.ignored();
        let same = all.iter().find(|series| series.labels == labels && series.ignored == ignored);
        let series = same.cloned().unwrap_or_else(|| {
            let Shape { edges, slos, .. } = &*self.shape;
            let new = Arc::new(Series::new(self.kind, method, ignored, labels, slos, edges));
            let mut more = all.to_vec();
            let place = more.partition_point(|series| series.method.index() <= method.index());
            more.insert(place, Arc::clone(&new));
            *all = more.into();
            new
        });
        by_key.push((key, Arc::clone(&series)));
        series
    }

    /// Its series, by methods and in the order in which they occurred.
    pub(crate) fn all_series(&self) -> Arc<[Arc<Series>]> {
        Arc::clone(&self.series.lock().unwrap_or_else(PoisonError::into_inner).all)
    }

    /// Creates the series of a success and of a failure, so that the first of each is an increase.
    pub(crate) fn declare(&self, method: Method) {
        let outcomes = match self.kind {
            Kind::HttpServer | Kind::HttpClient => {
                [Outcome::Http(http::StatusCode::OK), Outcome::Http(http::StatusCode::INTERNAL_SERVER_ERROR)]
            }
            Kind::GrpcServer | Kind::GrpcClient => {
                [Outcome::Grpc(super::GrpcStatus::OK), Outcome::Grpc(super::GrpcStatus::INTERNAL)]
            }
            Kind::Operation => [Outcome::Completed, Outcome::Failed("error")],
        };
        for outcome in outcomes {
            let class = self
                .class_of(method, &End { outcome, class: None, nanos: 0, circumstance: Circumstance::Usual });
            self.series(Key { method, outcome, class });
        }
    }
}
