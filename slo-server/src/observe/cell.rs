//! A value that is fetched at most once at a time, and kept.

use crate::clock::now;
use slo_core::model::Timestamp;
use std::{
    collections::HashMap,
    hash::Hash,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::{sync::watch, time::timeout};

/// How long a caller waits for a new value if there is an old one.
const PATIENCE: Duration = Duration::from_millis(1_500);
/// How long a caller waits for the first value.
const FIRST: Duration = Duration::from_secs(5);

/// How soon a fetch that failed is tried again.
const AGAIN: Duration = Duration::from_secs(10);

/// A value that all callers share. At most one fetch runs at a time, and it goes on when its caller leaves.
#[derive(Debug)]
pub(crate) struct Cell<T> {
    state: Mutex<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    kept: Kept<T>,
    asked: Option<Instant>,
    running: Option<watch::Receiver<()>>,
}

/// The last value, and what went wrong since.
#[derive(Debug)]
pub(crate) struct Kept<T> {
    /// The last value that was fetched, and when.
    pub(crate) value: Option<(Arc<T>, Timestamp)>,
    /// Why the last fetch failed.
    pub(crate) trouble: Option<String>,
}

impl<T> Clone for Kept<T> {
    fn clone(&self) -> Self {
        Self { value: self.value.clone(), trouble: self.trouble.clone() }
    }
}

impl<T> Default for Cell<T> {
    fn default() -> Self {
        let kept = Kept { value: None, trouble: None };
        Self { state: Mutex::new(State { kept, asked: None, running: None }) }
    }
}

/// A fetch.
pub(crate) type Fetch<T> = Pin<Box<dyn Future<Output = Result<T, String>> + Send>>;

impl<T: Send + Sync + 'static> Cell<T> {
    /// The value, fetched again if it is older than `fresh`.
    ///
    /// If the fetch takes long, the old value is returned, and the fetch goes on.
    pub(crate) async fn get(self: &Arc<Self>, fresh: Duration, fetch: impl FnOnce() -> Fetch<T>) -> Kept<T> {
        let (mut done, has_value) = {
            let mut state = self.lock();
            let fresh = if state.kept.trouble.is_some() { fresh.min(AGAIN) } else { fresh };
            if state.running.is_none() && state.asked.is_some_and(|asked| asked.elapsed() < fresh) {
                return state.kept.clone();
            }
            let done = match &state.running {
                Some(running) => running.clone(),
                None => self.start(&mut state, fetch()),
            };
            (done, state.kept.value.is_some())
        };
        let patience = if has_value { PATIENCE } else { FIRST };
        // An error: the fetch has ended.
        let is_late = timeout(patience, done.changed()).await.is_err();
        let mut kept = self.lock().kept.clone();
        if is_late && kept.trouble.is_none() {
            kept.trouble = Some(format!("no answer for {:.1} s", patience.as_secs_f64()));
        }
        kept
    }

    fn start(self: &Arc<Self>, state: &mut State<T>, fetch: Fetch<T>) -> watch::Receiver<()> {
        let (ended, done) = watch::channel(());
        state.running = Some(done.clone());
        let cell = Arc::clone(self);
        tokio::spawn(async move {
            // Also a fetch that panics ends.
            let result = tokio::spawn(fetch).await.unwrap_or_else(|error| Err(error.to_string()));
            let mut state = cell.lock();
            state.running = None;
            state.asked = Some(Instant::now());
            match result {
                Ok(value) => state.kept = Kept { value: Some((Arc::new(value), now())), trouble: None },
                Err(trouble) => state.kept.trouble = Some(trouble),
            }
            drop(state);
            drop(ended);
        });
        done
    }

    /// When it was asked last.
    fn asked(&self) -> Option<Instant> {
        self.lock().asked
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Values by key. If there are too many, the one that was asked for longest ago goes.
#[derive(Debug)]
pub(super) struct Cells<K, T> {
    kept: Mutex<HashMap<K, Arc<Cell<T>>>>,
    most: usize,
}

impl<K: Clone + Eq + Hash, T: Send + Sync + 'static> Cells<K, T> {
    pub(super) fn new(most: usize) -> Self {
        Self { kept: Mutex::new(HashMap::new()), most }
    }

    pub(super) fn of(&self, key: K) -> Arc<Cell<T>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= self.most && !kept.contains_key(&key) {
            let oldest = kept.iter().min_by_key(|(_, cell)| cell.asked()).map(|(key, _)| key.clone());
            oldest.map(|key| kept.remove(&key));
        }
        Arc::clone(kept.entry(key).or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test(start_paused = true)]
    async fn many_callers_make_one_fetch() {
        let cell = Arc::new(Cell::<u32>::default());
        let fetches = Arc::new(AtomicUsize::new(0));
        let fetch = || -> Fetch<u32> {
            let fetches = Arc::clone(&fetches);
            Box::pin(async move {
                fetches.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(10)).await;
                Ok(7)
            })
        };
        let fresh = Duration::from_secs(60);
        let (one, other) = tokio::join!(cell.get(fresh, fetch), cell.get(fresh, fetch));
        assert_eq!(
            (one.value.map(|(value, _)| *value), other.value.map(|(value, _)| *value)),
            (Some(7), Some(7))
        );
        cell.get(fresh, fetch).await;
        assert_eq!(fetches.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_fetch_that_panics_is_tried_again() {
        let cell = Arc::new(Cell::<u32>::default());
        let failed = cell.get(Duration::ZERO, || Box::pin(async { panic!("no") })).await;
        assert!(failed.value.is_none() && failed.trouble.is_some());
        let again = cell.get(Duration::ZERO, || Box::pin(async { Ok(3) })).await;
        assert_eq!(again.value.map(|(value, _)| *value), Some(3));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_or_failed_fetch_leaves_the_last_value() {
        let cell = Arc::new(Cell::<u32>::default());
        let fresh = Duration::ZERO;
        cell.get(fresh, || Box::pin(async { Ok(1) })).await;
        let slow = cell.get(fresh, || Box::pin(std::future::pending())).await;
        assert_eq!(
            (slow.value.map(|(value, _)| *value), slow.trouble.as_deref()),
            (Some(1), Some("no answer for 1.5 s"))
        );
        let cell = Arc::new(Cell::<u32>::default());
        cell.get(fresh, || Box::pin(async { Ok(1) })).await;
        let failed = cell.get(fresh, || Box::pin(async { Err("refused".to_owned()) })).await;
        assert_eq!(
            (failed.value.map(|(value, _)| *value), failed.trouble.as_deref()),
            (Some(1), Some("refused"))
        );
    }
}
