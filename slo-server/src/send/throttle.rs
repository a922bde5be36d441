//! The rate limit of a receiver.

use slo_ops::alert::IncidentId;
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// The rate limit of a receiver: each incident gets the next free turn, and keeps it.
///
/// No call blocks: an incident is put aside until its turn, so that work on other incidents continues.
#[derive(Debug)]
pub(super) struct Throttle {
    every: Duration,
    turns: Mutex<Turns>,
}

#[derive(Debug, Default)]
struct Turns {
    next: Option<Instant>,
    of: HashMap<IncidentId, Instant>,
}

/// How long a turn is kept for an incident that does not take it.
const KEPT: Duration = Duration::from_secs(60);

impl Throttle {
    pub(super) fn new(every: Duration) -> Self {
        Self { every, turns: Mutex::default() }
    }

    /// Takes the turn of an incident for `calls` calls, if it has come; the error is how long to wait for it.
    pub(super) fn turn(&self, incident: IncidentId, calls: u32, now: Instant) -> Result<(), Duration> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        let at = turns.of.get(&incident).copied().unwrap_or_else(|| {
            turns.of.retain(|_, at| *at + KEPT > now);
            let at = turns.next.map_or(now, |next| next.max(now));
            turns.next = Some(at + self.every * calls);
            at
        });
        if at <= now {
            turns.of.remove(&incident);
            return Ok(());
        }
        turns.of.insert(incident, at);
        Err(at - now)
    }

    /// Pauses all turns for as long as a receiver asks. Turns that would come sooner are moved back, in their
    /// order.
    pub(super) fn pause(&self, wait: Duration, now: Instant) {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        let turns = &mut *turns;
        let next = turns.next.map_or(now, |next| next.max(now));
        let first = turns.of.values().copied().min().map_or(next, |at| at.max(now));
        let later = (now + wait).saturating_duration_since(first);
        turns.next = Some(next + later);
        for at in turns.of.values_mut() {
            *at = (*at).max(now) + later;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_has_a_turn_in_the_order_in_which_they_came() {
        let throttle = Throttle::new(Duration::from_secs(1));
        let [a, b, c] = ["a", "b", "c"].map(IncidentId::of_group);
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let wait = |millis| Err(Duration::from_millis(millis));
        assert_eq!(throttle.turn(a, 2, start), Ok(()));
        assert_eq!(throttle.turn(b, 1, start), wait(2_000));
        assert_eq!(throttle.turn(c, 1, at(500)), wait(2_500));
        // Asking again changes nothing.
        assert_eq!(throttle.turn(b, 1, at(1_000)), wait(1_000));
        // Two refusals of the same moment are one pause.
        throttle.pause(Duration::from_secs(10), at(1_500));
        throttle.pause(Duration::from_secs(10), at(1_500));
        assert_eq!(throttle.turn(b, 1, at(2_000)), wait(9_500));
        assert_eq!(throttle.turn(c, 1, at(2_000)), wait(10_500));
        assert_eq!(throttle.turn(b, 1, at(11_500)), Ok(()));
        assert_eq!(throttle.turn(b, 1, at(11_500)), wait(2_000));
        assert_eq!(throttle.turn(c, 1, at(12_500)), Ok(()));
    }
}
