//! All series of a service, found without a lock.

use super::{
    Edges, Outcome, SloCounter,
    series::Series,
    stream::{self, Sums},
};
use arc_swap::ArcSwap;
use fnv::FnvBuildHasher;
use http::Method;
use std::{
    cell::RefCell,
    collections::HashMap,
    sync::{Arc, OnceLock},
    time::Duration,
};

/// The series of a service.
#[derive(Debug)]
pub(crate) struct Store {
    shape: Arc<Shape>,
    // Replaced as a whole when a new route is seen, which happens once per route. Routes are the
    // program's own, so a hash that resists attackers would only cost time.
    routes: ArcSwap<HashMap<Box<str>, Arc<Route>, FnvBuildHasher>>,
}

/// What every series is made after.
#[derive(Debug)]
struct Shape {
    edges: Edges,
    slos: Vec<SloCounter>,
}

/// The series of one route: a list per method, to which outcomes are appended as they occur.
#[derive(Debug)]
pub(crate) struct Route {
    name: Box<str>,
    shape: Arc<Shape>,
    methods: [Outcomes; METHODS.len()],
}

/// An append-only list: a link that is set stays, so that it is walked without a lock.
#[derive(Debug, Default)]
struct Outcomes(OnceLock<Box<Link>>);

#[derive(Debug)]
struct Link {
    series: Series,
    rest: Outcomes,
}

/// Methods that have a label value of their own, and the one for all others.
const METHODS: [&str; 10] =
    ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "CONNECT", OTHER_METHOD];
const OTHER_METHOD: &str = "_OTHER";

/// The route of requests that no route matched, whatever their path.
const UNMATCHED: &str = "_unmatched";
/// The route of requests to routes beyond [`MOST_ROUTES`].
const OVERFLOW: &str = "_overflow";
const MOST_ROUTES: usize = 1_000;

/// Routes that a thread remembers.
const REMEMBERED: usize = 16;

thread_local! {
    /// The routes that this thread has seen last, of whatever store: most requests are to few routes, and comparing a
    /// name takes less time than finding it.
    static RECENT: RefCell<[Option<Arc<Route>>; REMEMBERED]> = const { RefCell::new([const { None }; REMEMBERED]) };
}

/// Where a route is remembered; names of one place take turns.
fn slot_of(name: &str) -> usize {
    let last = name.as_bytes().last().copied().unwrap_or_default();
    (name.len() ^ usize::from(last)) % REMEMBERED
}

impl Store {
    pub(crate) fn new(edges: Edges, slos: Vec<SloCounter>) -> Self {
        Self { shape: Arc::new(Shape { edges, slos }), routes: ArcSwap::default() }
    }

    pub(crate) fn edges(&self) -> &Edges {
        &self.shape.edges
    }

    pub(crate) fn slos(&self) -> &[SloCounter] {
        &self.shape.slos
    }

    /// The series of the matched route `name`.
    pub(crate) fn route(&self, name: Option<&str>) -> Arc<Route> {
        let name = name.unwrap_or(UNMATCHED);
        // A thread that is ending has nothing to remember with.
        let remembered = RECENT
            .try_with(|recent| self.remember(recent.try_borrow_mut().ok()?.get_mut(slot_of(name))?, name));
        remembered.ok().flatten().unwrap_or_else(|| self.find_route(name))
    }

    fn remember(&self, slot: &mut Option<Arc<Route>>, name: &str) -> Option<Arc<Route>> {
        let is_this = |route: &Arc<Route>| *route.name == *name && Arc::ptr_eq(&route.shape, &self.shape);
        if !slot.as_ref().is_some_and(is_this) {
            *slot = Some(self.find_route(name));
        }
        slot.clone()
    }

    fn find_route(&self, name: &str) -> Arc<Route> {
        let routes = self.routes.load();
        match routes.get(name) {
            Some(route) => Arc::clone(route),
            None if routes.len() >= MOST_ROUTES && name != OVERFLOW => self.find_route(OVERFLOW),
            None => self.add_route(name),
        }
    }

    #[cold]
    fn add_route(&self, name: &str) -> Arc<Route> {
        let shape = Arc::clone(&self.shape);
        let new = Arc::new(Route { name: name.into(), shape, methods: Default::default() });
        self.routes.rcu(|routes| {
            let mut routes = HashMap::clone(routes);
            routes.entry(name.into()).or_insert_with(|| Arc::clone(&new));
            routes
        });
        self.routes.load().get(name).map_or(new, Arc::clone)
    }

    /// Makes sure that a series exists, at zero.
    pub(crate) fn declare(&self, route: &str, method: &Method, outcome: Outcome) {
        self.route(Some(route)).find(method, outcome);
    }

    /// Calls `visit` on every series, in the order of routes, methods and first occurrence.
    pub(crate) fn for_each(&self, mut visit: impl FnMut(&Series)) {
        let routes = self.routes.load();
        let mut sorted: Vec<&Arc<Route>> = routes.values().collect();
        sorted.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        sorted.iter().flat_map(|route| route.series()).for_each(&mut visit);
    }

    /// The streams of every SLO, summed from one reading of all series.
    pub(crate) fn sums(&self) -> Vec<Sums> {
        let routes = self.routes.load();
        stream::sum(self.slos(), routes.values().flat_map(|route| route.series()))
    }
}

impl Route {
    /// Counts a request.
    pub(crate) fn record(&self, method: &Method, outcome: Outcome, duration: Duration) {
        self.find(method, outcome).record(self.shape.edges.bucket_of(duration), duration);
    }

    fn find(&self, method: &Method, outcome: Outcome) -> &Series {
        let [.., other] = &self.methods;
        let known = METHODS.iter().zip(&self.methods).find(|(name, _)| **name == method.as_str());
        let (name, mut outcomes) = known.map_or((OTHER_METHOD, other), |(name, outcomes)| (*name, outcomes));
        loop {
            let link = outcomes.0.get_or_init(|| {
                let members = stream::members(&self.shape.slos, name, &self.name, outcome);
                let series = Series::new(name, &self.name, outcome, members, &self.shape.edges);
                Box::new(Link { series, rest: Outcomes::default() })
            });
            if link.series.outcome == outcome {
                return &link.series;
            }
            outcomes = &link.rest;
        }
    }

    fn series(&self) -> impl Iterator<Item = &Series> {
        self.methods.iter().flat_map(|outcomes| {
            std::iter::successors(outcomes.0.get(), |link| link.rest.0.get()).map(|link| &link.series)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::StatusCode;

    fn names(store: &Store) -> Vec<String> {
        let mut names = Vec::new();
        store.for_each(|series| names.push(format!("{} {}", series.method, series.route)));
        names
    }

    #[test]
    fn bounds_the_number_of_routes() {
        let store = Store::new(Edges::covering(&[]), vec![]);
        for number in 0..MOST_ROUTES + 50 {
            let route = store.route(Some(&format!("/{number}")));
            route.record(&Method::GET, Outcome::Cancelled, Duration::ZERO);
        }
        assert_eq!(names(&store).len(), MOST_ROUTES + 1);
        assert!(names(&store).contains(&format!("GET {OVERFLOW}")));
    }

    #[test]
    fn folds_methods_and_paths_that_nobody_declared() {
        let store = Store::new(Edges::covering(&[]), vec![]);
        let method = Method::from_bytes(b"BREW").unwrap();
        store.route(None).record(&method, Outcome::Status(StatusCode::OK), Duration::ZERO);
        assert_eq!(names(&store), ["_OTHER _unmatched"]);
    }

    #[test]
    fn counts_from_many_threads() {
        let store = Store::new(Edges::covering(&[]), vec![]);
        std::thread::scope(|scope| {
            for thread in 0..4_u16 {
                let store = &store;
                scope.spawn(move || {
                    for request in 0..1_000_u16 {
                        let status = StatusCode::from_u16(200 + (request + thread) % 7).unwrap();
                        let route = store.route(Some(if request % 2 == 0 { "/a" } else { "/b" }));
                        route.record(&Method::GET, Outcome::Status(status), Duration::ZERO);
                    }
                });
            }
        });
        let (mut total, mut series, mut counts) = (0, 0, Vec::new());
        store.for_each(|one| {
            one.read_cumulative(&mut counts);
            total += counts.last().unwrap();
            series += 1;
        });
        assert_eq!((total, series), (4_000, 14));
    }
}
