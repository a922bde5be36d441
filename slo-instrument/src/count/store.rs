//! Everything that a service counts.

use super::{Edges, Instrument, Kind, Reading, Series, Shape, SloCounter, Sums, stream};
use arc_swap::ArcSwap;
use std::sync::Arc;

/// The instruments of a service.
#[derive(Debug)]
pub(crate) struct Store {
    shape: Arc<Shape>,
    instruments: ArcSwap<Vec<Arc<Instrument>>>,
}

impl Store {
    pub(crate) fn new(shape: Shape) -> Self {
        Self { shape: Arc::new(shape), instruments: ArcSwap::default() }
    }

    pub(crate) fn edges(&self) -> &Edges {
        &self.shape.edges
    }

    pub(crate) fn slos(&self) -> &[SloCounter] {
        &self.shape.slos
    }

    /// The instrument for events of `kind`, and of `peer` if they are sent.
    pub(crate) fn instrument(&self, kind: Kind, peer: &str) -> Arc<Instrument> {
        let find = |all: &[Arc<Instrument>]| {
            all.iter().find(|one| one.kind() == kind && one.peer() == peer).cloned()
        };
        if let Some(known) = find(&self.instruments.load()) {
            return known;
        }
        let new = Instrument::new(kind, peer, Arc::clone(&self.shape));
        self.instruments.rcu(|all| {
            let mut all = Vec::clone(all);
            if find(&all).is_none() {
                all.push(Arc::clone(&new));
                all.sort_by(|a, b| (a.kind(), a.peer()).cmp(&(b.kind(), b.peer())));
            }
            all
        });
        find(&self.instruments.load()).unwrap_or(new)
    }

    /// All instruments, by kind and peer.
    pub(crate) fn instruments(&self) -> Arc<Vec<Arc<Instrument>>> {
        self.instruments.load_full()
    }

    /// Whether two layers see the same requests and the inner one adds nothing.
    pub(crate) fn has_layer_in_vain(&self) -> bool {
        self.instruments.load().iter().any(|instrument| instrument.twice().is_in_vain())
    }

    /// Calls `visit` on every series, in the order of kinds, peers, routes, methods and first occurrence.
    pub(crate) fn for_each(&self, mut visit: impl FnMut(Kind, &Series)) {
        for instrument in self.instruments().iter() {
            for route in instrument.routes().iter() {
                for series in route.all_series().iter() {
                    visit(instrument.kind(), series);
                }
            }
        }
    }

    /// The streams of every SLO, summed from one reading of all series.
    pub(crate) fn sums(&self) -> Vec<Sums> {
        let mut sums = vec![Sums::default(); self.slos().len()];
        let mut reading = Reading::default();
        self.for_each(|_, series| {
            series.read(&mut reading);
            self.add(series, &reading, &mut sums);
        });
        sums
    }

    /// Adds what a series, as it was read, contributes to the streams of every SLO.
    pub(crate) fn add(&self, series: &Series, reading: &Reading, sums: &mut [Sums]) {
        stream::add(self.slos(), &series.members, reading, sums);
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            Circumstance, End, GrpcStatus, Outcome, Ticket,
            instrument::{MOST_ROUTES, OVERFLOW},
            method::Method,
        },
        *,
    };
    use http::StatusCode;

    fn shape() -> Shape {
        Shape { edges: Edges::covering(&[], false), slos: vec![], classify: None, tracer: None }
    }

    fn store() -> Store {
        Store::new(shape())
    }

    fn end(ticket: Ticket, end: End) {
        ticket.end(end, None);
    }

    const OK: End = End {
        outcome: Outcome::Http(StatusCode::OK),
        class: None,
        nanos: 0,
        circumstance: Circumstance::Usual,
    };

    fn names(store: &Store) -> Vec<String> {
        let mut names = Vec::new();
        store.for_each(|_, series| {
            names.push(series.labels.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>().join(" "));
        });
        names
    }

    fn count(store: &Store) -> u64 {
        let (mut total, mut reading) = (0, Reading::default());
        store.for_each(|_, series| {
            series.read(&mut reading);
            total += reading.count();
        });
        total
    }

    #[test]
    fn bounds_the_number_of_routes() {
        let store = store();
        let instrument = store.instrument(Kind::HttpServer, "");
        for number in 0..MOST_ROUTES + 50 {
            end(Ticket::start(instrument.id(), &format!("/{number}"), Method::NONE), OK);
        }
        assert_eq!(names(&store).len(), MOST_ROUTES + 1);
        assert!(names(&store).contains(&format!("_OTHER 200 {OVERFLOW}")));
        assert_eq!(count(&store), u64::try_from(MOST_ROUTES).unwrap() + 50);
    }

    #[test]
    fn knows_what_is_on_its_way() {
        let store = store();
        let instrument = store.instrument(Kind::HttpServer, "");
        let method = Method::of(&http::Method::GET);
        let tickets = [(); 3].map(|()| Ticket::start(instrument.id(), "/", method));
        assert_eq!(instrument.active().first(), Some(&Some(3)));
        for ticket in tickets {
            std::thread::spawn(move || end(ticket, OK)).join().unwrap();
        }
        assert_eq!((instrument.active().first(), count(&store)), (Some(&Some(0)), 3));
    }

    #[test]
    fn names_a_method_when_it_proves_to_be_one() {
        let store = store();
        let instrument = store.instrument(Kind::GrpcServer, "");
        let ok = End { outcome: Outcome::Grpc(GrpcStatus::OK), ..OK };
        let mut first = Ticket::start_if_known(instrument.id(), "shop.Cart/Add", Method::NONE);
        assert!(!first.has_route());
        first.name("shop.Cart/Add");
        end(first, ok);
        let second = Ticket::start_if_known(instrument.id(), "shop.Cart/Add", Method::NONE);
        assert!(second.has_route());
        end(second, ok);
        assert_eq!((names(&store), count(&store)), (vec!["shop.Cart/Add OK grpc".to_owned()], 2));
    }

    #[test]
    fn counts_from_many_threads_that_come_and_go() {
        let store = store();
        let instrument = store.instrument(Kind::HttpServer, "");
        for _ in 0..3 {
            std::thread::scope(|scope| {
                for thread in 0..4_u16 {
                    let id = instrument.id();
                    scope.spawn(move || {
                        for request in 0..1_000_u16 {
                            let status = StatusCode::from_u16(200 + (request + thread) % 7).unwrap();
                            let route = if request % 2 == 0 { "/a" } else { "/b" };
                            let ticket = Ticket::start(id, route, Method::NONE);
                            end(ticket, End { outcome: Outcome::Http(status), ..OK });
                        }
                    });
                }
            });
        }
        assert_eq!((count(&store), names(&store).len()), (12_000, 14));
    }

    #[test]
    fn threads_that_are_gone_leave_their_counts_and_little_else() {
        const THREADS: usize = 200;
        let store = store();
        let instrument = store.instrument(Kind::HttpServer, "");
        let together = std::sync::Barrier::new(THREADS);
        std::thread::scope(|scope| {
            let work = || {
                end(Ticket::start(instrument.id(), "/", Method::NONE), OK);
                together.wait();
            };
            let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
            // A scope does not wait for what a thread does at its very end.
            for thread in threads {
                thread.join().unwrap();
            }
        });
        let mut sets = 0;
        store.for_each(|_, series| sets += series.pool.sets());
        assert!(sets <= 4, "{sets} sets of cells");
        assert_eq!(
            (count(&store), instrument.active().last()),
            (u64::try_from(THREADS).unwrap(), Some(&Some(0)))
        );
    }

    #[test]
    fn a_classifier_may_count_itself() {
        let store = Arc::new_cyclic(|weak: &std::sync::Weak<Store>| {
            let weak = weak.clone();
            let classify = move |ended: &super::super::Ended<'_>| {
                if ended.kind() == Kind::HttpServer {
                    let inner = weak.upgrade().unwrap().instrument(Kind::Operation, "");
                    let completed = End { outcome: Outcome::Completed, ..OK };
                    end(Ticket::start(inner.id(), "classified", Method::NONE), completed);
                }
                ended.by_convention()
            };
            Store::new(Shape { classify: Some(Box::new(classify)), ..shape() })
        });
        let instrument = store.instrument(Kind::HttpServer, "");
        end(Ticket::start(instrument.id(), "/", Method::NONE), OK);
        assert_eq!(names(&store), ["_OTHER 200 /", "classified"]);
        assert_eq!(count(&store), 2);
    }
}
