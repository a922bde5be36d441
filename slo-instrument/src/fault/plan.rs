//! Which faults are injected, into how many requests, and until when.

use crate::{Error, count::UNMATCHED, family::Sample};
use arc_swap::ArcSwapOption;
use http::StatusCode;
use slo_core::model::metric;
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{Notify, futures::OwnedNotified},
    time::{Instant, timeout},
};

/// A fault and the share of requests that get it.
///
/// ```
/// use http::StatusCode;
/// use slo_instrument::{Fault, Service};
/// use std::time::Duration;
///
/// let service = Service::builder("checkout").availability("99.9%").install()?;
/// let plan = [
///     Fault::error(StatusCode::SERVICE_UNAVAILABLE).on("/pay").for_share(0.1),
///     Fault::latency(Duration::from_millis(400)).for_share(0.05),
/// ];
/// service.faults().arm(plan, 42, Duration::from_secs(300))?;
/// assert!(service.faults().is_armed());
/// service.faults().disarm();
/// # Ok::<(), slo_instrument::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct Fault {
    pub(super) what: What,
    route: Option<String>,
    share: f64,
}

/// The kind of a fault.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum What {
    Error(StatusCode),
    Latency(Duration),
    Abort,
}

impl Fault {
    /// Answers with `status` instead of calling the service.
    pub const fn error(status: StatusCode) -> Self {
        Self::of(What::Error(status))
    }

    /// Delays the request before the service handles it.
    ///
    /// The delay is at most 10 minutes. It ends at once when the faults are no longer armed.
    pub const fn latency(wait: Duration) -> Self {
        Self::of(What::Latency(wait))
    }

    /// Breaks the connection instead of answering: the response body fails.
    pub const fn abort() -> Self {
        Self::of(What::Abort)
    }

    const fn of(what: What) -> Self {
        Self { what, route: None, share: 1.0 }
    }

    /// Limits the fault to requests to this route.
    ///
    /// The route is the one that axum matched; without one, it is the path.
    pub fn on(mut self, route: impl Into<String>) -> Self {
        self.route = Some(route.into());
        self
    }

    /// Limits the fault to this share of the requests, from 0 to 1.
    pub const fn for_share(mut self, share: f64) -> Self {
        self.share = share;
        self
    }

    /// Its name in metrics and spans.
    pub(super) const fn name(&self) -> &'static str {
        match self.what {
            What::Error(_) => "error",
            What::Latency(_) => "latency",
            What::Abort => "abort",
        }
    }
}

/// Turns faults on and off; made by [`Service::faults`](crate::Service::faults).
///
/// Faults are off until they are armed, and turn off by themselves.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    armed: ArcSwapOption<Armed>,
    // Faults injected so far, by name and route.
    injected: Mutex<BTreeMap<(&'static str, String), u64>>,
}

#[derive(Debug)]
struct Armed {
    plan: Vec<Fault>,
    seed: u64,
    until: Instant,
    requests: Arc<AtomicU64>,
    // Ends the delay of waiting requests. Plans that only differ in their end share it.
    over: Arc<Notify>,
}

/// A fault for a request.
#[derive(Debug)]
pub(super) struct Drawn {
    pub(super) what: What,
    pub(super) name: &'static str,
    until: Instant,
    over: OwnedNotified,
}

impl Drawn {
    /// Waits, for no longer than the fault is armed.
    pub(super) async fn wait(self, wait: Duration) {
        let left = self.until.saturating_duration_since(Instant::now());
        let _is_over = timeout(wait.min(left), self.over).await;
    }
}

/// The longest that a request is kept waiting.
const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// A day: a longer experiment was probably forgotten.
const LONGEST: Duration = Duration::from_secs(86_400);

impl Faults {
    /// Injects the faults of `plan` for the duration `lasts`.
    ///
    /// They replace the faults that were armed before; the same plan and seed again only changes how long they
    /// last. Each request gets the first fault of the plan that is
    /// drawn for it. The draws follow from `seed` and the number of the request, so the same requests in the
    /// same order get the same faults.
    ///
    /// # Errors
    /// A share that is not between 0 and 1, a latency above 10 minutes, or a duration above a day; nothing is
    /// armed then.
    pub fn arm(
        &self,
        plan: impl IntoIterator<Item = Fault>,
        seed: u64,
        lasts: Duration,
    ) -> Result<(), Error> {
        let plan: Vec<Fault> = plan.into_iter().collect();
        if let Some(fault) = plan.iter().find(|fault| !(0.0..=1.0).contains(&fault.share)) {
            let message = format!("a share of {} is not between 0 and 1", fault.share);
            return Err(Error::new(format!("fault `{}`", fault.name()), message));
        }
        let too_long = |fault: &&Fault| matches!(fault.what, What::Latency(wait) if wait > LONGEST_WAIT);
        if let Some(fault) = plan.iter().find(too_long) {
            return Err(Error::new(
                format!("fault `{}`", fault.name()),
                "a request waits for 10 minutes at most",
            ));
        }
        if lasts > LONGEST {
            return Err(Error::new("faults", format!("{lasts:?} is longer than a day")));
        }
        let until = Instant::now() + lasts;
        let current = self.inner.armed.load_full().filter(|armed| armed.plan == plan && armed.seed == seed);
        if let Some(armed) = current {
            let (requests, over) = (Arc::clone(&armed.requests), Arc::clone(&armed.over));
            self.inner.armed.store(Some(Arc::new(Armed { plan, seed, until, requests, over })));
        } else {
            let (requests, over) = (Arc::default(), Arc::default());
            self.replace(Some(Arc::new(Armed { plan, seed, until, requests, over })));
        }
        Ok(())
    }

    /// How much longer faults are armed; `None` if none are.
    #[cfg(feature = "axum")]
    pub(super) fn lasts(&self) -> Option<Duration> {
        let armed = self.inner.armed.load();
        armed
            .as_ref()
            .map(|armed| armed.until.saturating_duration_since(Instant::now()))
            .filter(|left| !left.is_zero())
    }

    /// Stops injecting faults; delayed requests continue.
    pub fn disarm(&self) {
        self.replace(None);
    }

    fn replace(&self, armed: Option<Arc<Armed>>) {
        if let Some(before) = self.inner.armed.swap(armed) {
            before.over.notify_waiters();
        }
    }

    /// Whether faults are armed.
    #[must_use]
    pub fn is_armed(&self) -> bool {
        self.inner.armed.load().as_ref().is_some_and(|armed| Instant::now() < armed.until)
    }

    /// The fault for the next request, by its `path`, and by its `route` if one matched.
    pub(super) fn draw(&self, route: Option<&str>, path: &str) -> Option<Drawn> {
        let current = self.inner.armed.load();
        let armed = current.as_ref()?;
        if Instant::now() >= armed.until {
            // Somebody may have armed others by now.
            self.inner.armed.compare_and_swap(&current, None);
            return None;
        }
        let number = armed.requests.fetch_add(1, Ordering::Relaxed);
        let mut random = fastrand::Rng::with_seed(armed.seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let fault = armed.plan.iter().find(|fault| {
            let is_here = fault.route.as_deref().is_none_or(|wanted| wanted == route.unwrap_or(path));
            // Drawn for every fault, so that one of another route does not change what is drawn after it.
            random.f64() < fault.share && is_here
        })?;
        // Subscribed first: a plan that ends before this is not armed any more.
        let over = Arc::clone(&armed.over).notified_owned();
        if !self.inner.armed.load().as_ref().is_some_and(|now| Arc::ptr_eq(&now.over, &armed.over)) {
            return None;
        }
        let mut injected = self.inner.injected.lock().unwrap_or_else(PoisonError::into_inner);
        // A path is chosen by a client, and so no label; one that a fault is for is the program's.
        let label = route.or(fault.route.as_deref()).unwrap_or(UNMATCHED);
        *injected.entry((fault.name(), label.to_owned())).or_default() += 1;
        Some(Drawn { what: fault.what, name: fault.name(), until: armed.until, over })
    }

    /// The faults injected so far, for the metrics.
    pub(crate) fn samples(&self) -> Vec<Sample> {
        let injected = self.inner.injected.lock().unwrap_or_else(PoisonError::into_inner);
        let sample = |((fault, route), count): (&(&'static str, String), &u64)| Sample {
            labels: vec![("fault", (*fault).to_owned()), (metric::HTTP_ROUTE, route.clone())],
            value: *count as f64,
        };
        injected.iter().map(sample).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(seed: u64, plan: impl IntoIterator<Item = Fault>) -> Vec<Option<&'static str>> {
        let faults = Faults::default();
        faults.arm(plan, seed, Duration::from_secs(60)).unwrap();
        (0..2_000).map(|_| faults.draw(Some("/a"), "/a").map(|fault| fault.name)).collect()
    }

    #[test]
    fn draws_the_same_from_the_same_seed() {
        let plan = || [Fault::abort().for_share(0.1), Fault::latency(Duration::ZERO).for_share(0.5)];
        assert_eq!(drawn(7, plan()), drawn(7, plan()));
        assert_ne!(drawn(7, plan()), drawn(8, plan()));
        let share = |name| drawn(7, plan()).iter().filter(|drawn| **drawn == name).count();
        assert!((160..240).contains(&share(Some("abort"))), "{}", share(Some("abort")));
        // Half of the nine tenths that are left.
        assert!((830..970).contains(&share(Some("latency"))), "{}", share(Some("latency")));
    }

    #[test]
    fn knows_routes_and_edges() {
        assert!(drawn(1, [Fault::abort().on("/b")]).iter().all(Option::is_none));
        assert!(drawn(1, [Fault::abort().on("/a")]).iter().all(Option::is_some));
        assert!(drawn(1, [Fault::abort().for_share(0.0)]).iter().all(Option::is_none));
    }

    #[test]
    fn goes_off_by_itself() {
        let faults = Faults::default();
        assert!(!faults.is_armed());
        faults.arm([Fault::abort()], 1, Duration::ZERO).unwrap();
        assert!(!faults.is_armed() && faults.draw(None, "/").is_none());
    }

    #[test]
    fn the_same_plan_again_goes_on_where_it_is() {
        let minute = Duration::from_secs(60);
        let draw = |renews: bool| -> Vec<bool> {
            let faults = Faults::default();
            let plan = || [Fault::abort().for_share(0.5)];
            faults.arm(plan(), 7, minute).unwrap();
            let one = |index: u32| {
                if renews && index % 10 == 9 {
                    faults.arm(plan(), 7, minute).unwrap();
                }
                faults.draw(None, "/").is_some()
            };
            (0..100).map(one).collect()
        };
        assert_eq!(draw(true), draw(false));
    }

    #[test]
    fn refuses_what_cannot_be_meant() {
        let faults = Faults::default();
        let refused = |plan: Fault, lasts| faults.arm([plan], 1, lasts).unwrap_err().to_string();
        let second = Duration::from_secs(1);
        assert_eq!(
            refused(Fault::abort().for_share(20.0), second),
            "fault `abort`: a share of 20 is not between 0 and 1"
        );
        assert!(refused(Fault::abort().for_share(f64::NAN), second).contains("NaN"));
        assert_eq!(
            refused(Fault::abort(), Duration::from_secs(90_000)),
            "faults: 90000s is longer than a day"
        );
        assert_eq!(
            refused(Fault::latency(Duration::MAX), second),
            "fault `latency`: a request waits for 10 minutes at most"
        );
        assert!(!faults.is_armed());
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_longer_than_it_is_armed() {
        const MINUTE: Duration = Duration::from_secs(60);
        let faults = Faults::default();
        let plan = || [Fault::latency(5 * MINUTE)];
        let waits = || {
            let (start, drawn) = (Instant::now(), faults.draw(None, "/").unwrap());
            tokio::spawn(async move {
                drawn.wait(5 * MINUTE).await;
                start.elapsed()
            })
        };
        faults.arm(plan(), 1, 2 * MINUTE).unwrap();
        assert_eq!(waits().await.unwrap().as_secs(), 120);
        assert!(!faults.is_armed() && faults.draw(None, "/").is_none());

        faults.arm(plan(), 1, 20 * MINUTE).unwrap();
        assert_eq!(waits().await.unwrap().as_secs(), 300);
        let replaced = waits();
        tokio::time::sleep(MINUTE).await;
        faults.arm(plan(), 2, 20 * MINUTE).unwrap();
        assert_eq!(replaced.await.unwrap().as_secs(), 60);
        let disarmed = waits();
        tokio::time::sleep(3 * MINUTE).await;
        faults.disarm();
        assert_eq!(disarmed.await.unwrap().as_secs(), 180);
    }
}
