//! The counters as one thread sees them: its own cells, found by numbers.

use super::{
    Class, Instrument, Key, Shape, SloCounter,
    cells::Owned,
    end::End,
    instrument::Route,
    method::{METHODS, Method},
    series::Series,
};
use crate::{
    Kind,
    trace::{Counted, Exemplars, Trace},
};
use fnv::FnvBuildHasher;
use std::{
    cell::RefCell,
    collections::HashMap,
    rc::Rc,
    sync::{Arc, Weak},
};

/// An event that has been started, and what it belongs to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ticket {
    instrument: u32,
    // `UNKNOWN` until the name proves to be one that the program defines.
    route: u32,
    method: Method,
}

const UNKNOWN: u32 = u32::MAX;

thread_local! {
    static LOCAL: RefCell<Local> = const { RefCell::new(Local { instruments: Vec::new() }) };
}

/// The counters of one thread, for each instrument that it has used.
#[derive(Debug)]
struct Local {
    instruments: Vec<LocalInstrument>,
}

#[derive(Debug)]
struct LocalInstrument {
    id: u32,
    instrument: Weak<Instrument>,
    // Numbers of routes by name. Recent routes are in slots chosen by a few bytes of the name: comparing one
    // name takes less time than hashing it.
    recent: [Recent; REMEMBERED],
    names: HashMap<Rc<str>, u32, FnvBuildHasher>,
    routes: Vec<Option<LocalRoute>>,
    flow: Owned,
}

/// A route that was met before.
#[derive(Debug, Clone, Default)]
struct Recent(Option<(Rc<str>, u32)>);

#[derive(Debug)]
struct LocalRoute {
    route: Arc<Route>,
    shape: Arc<Shape>,
    series: Vec<(Key, Arc<Series>, Owned)>,
}

/// Routes that a thread finds by comparing one name.
const REMEMBERED: usize = 64;

/// Where a route is remembered; names of one place take turns.
fn slot_of(name: &str) -> usize {
    let bytes = name.as_bytes();
    let byte = |index: usize| bytes.get(index).copied().map_or(0, usize::from);
    let length = bytes.len();
    // Routes often begin and end alike.
    let sampled = [byte(1), byte(length / 3), byte(length / 2), byte(length.saturating_sub(2))];
    sampled.iter().fold(length, |sum, byte| sum.wrapping_mul(31).wrapping_add(*byte)) % REMEMBERED
}

impl Ticket {
    /// Starts an event of the route `name`, which is one of the program's own.
    pub(crate) fn start(instrument: u32, name: &str, method: Method) -> Self {
        let ticket = Self { instrument, route: UNKNOWN, method };
        let route = with_local(instrument, |local| {
            local.flow.add(method.index(), 1);
            local.route_number(name)
        });
        let route = route.flatten().or_else(|| {
            let instrument = Instrument::find(instrument)?;
            instrument.flow().take().add(method.index(), 1);
            Some(instrument.route(name))
        });
        Self { route: route.unwrap_or(UNKNOWN), ..ticket }
    }

    /// Starts an event of the route with this number.
    pub(crate) fn start_numbered(instrument: u32, route: u32, method: Method) -> Self {
        let started = with_local(instrument, |local| local.flow.add(method.index(), 1));
        if started.is_none()
            && let Some(instrument) = Instrument::find(instrument)
        {
            instrument.flow().take().add(method.index(), 1);
        }
        Self { instrument, route, method }
    }

    /// Starts an event of the route `name` if it is known; otherwise name it before its end.
    pub(crate) fn start_if_known(instrument: u32, name: &str, method: Method) -> Self {
        let ticket = Self { instrument, route: UNKNOWN, method };
        let route = with_local(instrument, |local| {
            local.flow.add(method.index(), 1);
            local.known_route_number(name)
        });
        let route = route.unwrap_or_else(|| {
            let instrument = Instrument::find(instrument)?;
            instrument.flow().take().add(method.index(), 1);
            instrument.known_route(name)
        });
        Self { route: route.unwrap_or(UNKNOWN), ..ticket }
    }

    /// The same event, of the route with this number.
    pub(crate) const fn of_route(self, route: u32) -> Self {
        Self { route, ..self }
    }

    pub(crate) const fn has_route(&self) -> bool {
        self.route != UNKNOWN
    }

    /// Sets the route of the event.
    pub(crate) fn name(&mut self, name: &str) {
        self.route = Instrument::find(self.instrument).map_or(UNKNOWN, |instrument| instrument.route(name));
    }

    /// Counts the event.
    pub(crate) fn end(self, end: End, mut trace: Option<&mut Trace>) {
        let over = METHODS.len() + self.method.index();
        let counted = with_local(self.instrument, |local| {
            local.local_route(self.route)?.count(self.method, end, trace.as_deref_mut());
            local.flow.add(over, 1);
            Some(())
        });
        if counted.flatten().is_none() {
            self.end_elsewhere(end, trace);
        }
    }

    /// Counts on a thread that is ending, or within a [`Classify`](super::Classify) that starts events itself.
    #[cold]
    fn end_elsewhere(self, end: End, trace: Option<&mut Trace>) {
        let Some(instrument) = Instrument::find(self.instrument) else { return };
        instrument.flow().take().add(METHODS.len() + self.method.index(), 1);
        let Some(route) = instrument.route_at(self.route) else { return };
        let End { outcome, nanos, .. } = end;
        let class = end.class.unwrap_or_else(|| route.class_of(self.method, &end));
        let key = Key { method: self.method, outcome, class };
        let series = route.series(key);
        let bucket = route.shape.edges.bucket_of(nanos);
        let ended = Ended { route: &route, series: &series, key, bucket, nanos };
        record(&route.shape, &mut series.pool.take(), trace, ended);
    }
}

/// Runs `work` on this thread's counters of the instrument; `None` if it can have none.
fn with_local<T>(id: u32, work: impl FnOnce(&mut LocalInstrument) -> T) -> Option<T> {
    LOCAL
        .try_with(|local| {
            let mut local = local.try_borrow_mut().ok()?;
            let Local { instruments } = &mut *local;
            let position = match instruments.iter().position(|instrument| instrument.id == id) {
                Some(position) => position,
                None => meet(instruments, id)?,
            };
            instruments.get_mut(position).map(work)
        })
        .ok()
        .flatten()
}

#[cold]
fn meet(instruments: &mut Vec<LocalInstrument>, id: u32) -> Option<usize> {
    let instrument = Instrument::find(id)?;
    instruments.retain(|local| local.instrument.strong_count() > 0);
    instruments.push(LocalInstrument {
        id,
        instrument: Arc::downgrade(&instrument),
        recent: [const { Recent(None) }; REMEMBERED],
        names: HashMap::default(),
        routes: Vec::new(),
        flow: instrument.flow().take(),
    });
    Some(instruments.len() - 1)
}

impl LocalInstrument {
    fn route_number(&mut self, name: &str) -> Option<u32> {
        self.remembered(name).or_else(|| {
            let number = self.instrument.upgrade()?.route(name);
            self.remember(name, number)
        })
    }

    fn known_route_number(&mut self, name: &str) -> Option<u32> {
        self.remembered(name).or_else(|| {
            let number = self.instrument.upgrade()?.known_route(name)?;
            self.remember(name, number)
        })
    }

    fn remembered(&mut self, name: &str) -> Option<u32> {
        match self.recent.get(slot_of(name))? {
            Recent(Some((known, number))) if **known == *name => Some(*number),
            _ => self.recall(name),
        }
    }

    fn recall(&mut self, name: &str) -> Option<u32> {
        let (name, number) = self.names.get_key_value(name)?;
        *self.recent.get_mut(slot_of(name))? = Recent(Some((Rc::clone(name), *number)));
        Some(*number)
    }

    #[cold]
    fn remember(&mut self, name: &str, number: u32) -> Option<u32> {
        // A name that is folded into another route is not kept: there is no limit to such names.
        if *self.local_route(number)?.route.name == *name {
            self.names.insert(name.into(), number);
        }
        Some(number)
    }

    fn local_route(&mut self, number: u32) -> Option<&mut LocalRoute> {
        let index = usize::try_from(number).ok()?;
        if !matches!(self.routes.get(index), Some(Some(_))) {
            self.meet_route(number, index)?;
        }
        self.routes.get_mut(index)?.as_mut()
    }

    #[cold]
    fn meet_route(&mut self, number: u32, index: usize) -> Option<()> {
        let route = self.instrument.upgrade()?.route_at(number)?;
        if self.routes.len() <= index {
            self.routes.resize_with(index + 1, || None);
        }
        *self.routes.get_mut(index)? =
            Some(LocalRoute { shape: Arc::clone(&route.shape), route, series: Vec::new() });
        Some(())
    }
}

impl LocalRoute {
    fn count(&mut self, method: Method, end: End, trace: Option<&mut Trace>) {
        let End { outcome, nanos, .. } = end;
        let class = end.class.unwrap_or_else(|| self.route.class_of(method, &end));
        let key = Key { method, outcome, class };
        let position = self.series.iter().position(|(known, ..)| *known == key);
        let position = position.unwrap_or_else(|| self.meet_series(key));
        if let Some((_, series, cells)) = self.series.get_mut(position) {
            let bucket = self.shape.edges.bucket_of(nanos);
            record(&self.shape, cells, trace, Ended { route: &self.route, series, key, bucket, nanos });
        }
    }

    #[cold]
    fn meet_series(&mut self, key: Key) -> usize {
        let series = self.route.series(key);
        let cells = series.pool.take();
        self.series.push((key, series, cells));
        self.series.len() - 1
    }
}

/// An event that has ended, and where it is counted.
#[derive(Clone, Copy)]
struct Ended<'a> {
    route: &'a Route,
    series: &'a Series,
    key: Key,
    bucket: usize,
    nanos: u64,
}

#[inline]
fn record(shape: &Shape, cells: &mut Owned, trace: Option<&mut Trace>, ended: Ended<'_>) {
    cells.add(ended.bucket, 1);
    cells.add(shape.edges.buckets(), ended.nanos);
    if let (Some(trace), Some(tracer)) = (trace, &shape.tracer) {
        tracer.end(trace, &ended);
    }
}

impl Ended<'_> {
    fn hurt(&self) -> impl Iterator<Item = &SloCounter> {
        let slos = self.route.shape.slos.iter().zip(&self.series.members);
        slos.filter(|(slo, member)| slo.is_hurt(**member, self.bucket)).map(|(slo, _)| slo)
    }
}

impl Counted for Ended<'_> {
    fn kind(&self) -> Kind {
        self.route.kind()
    }

    fn method(&self) -> &'static str {
        self.key.method.name()
    }

    fn name(&self) -> &str {
        &self.route.name
    }

    fn labels(&self) -> &[(&'static str, String)] {
        &self.series.labels
    }

    fn exemplars(&self) -> Option<(&Exemplars, usize)> {
        let series = self.series;
        series.ignored.is_none().then(|| (&series.exemplars, self.route.shape.edges.classic_of(self.bucket)))
    }

    fn nanos(&self) -> u64 {
        self.nanos
    }

    fn is_error(&self) -> bool {
        matches!(self.key.class, Class::Bad | Class::BadFor(_))
    }

    fn hurts(&self) -> bool {
        self.hurt().next().is_some()
    }

    fn hurt_slos(&self) -> Vec<String> {
        self.hurt().map(|slo| slo.name().to_owned()).collect()
    }

    fn error_type(&self) -> String {
        self.key.class.error_type(self.key.outcome)
    }
}
