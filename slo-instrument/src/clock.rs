//! The clock that durations are measured with.

use quanta::Clock;
use std::sync::LazyLock;

/// Counts of the processor's own clock, which are nanoseconds only once two of them are compared.
static CLOCK: LazyLock<Clock> = LazyLock::new(Clock::new);

/// A moment, for measuring how long something takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Start(u64);

impl Start {
    #[inline]
    pub(crate) fn now() -> Self {
        Self(CLOCK.raw())
    }

    /// Nanoseconds since then.
    #[inline]
    pub(crate) fn elapsed_nanos(self) -> u64 {
        CLOCK.delta_as_nanos(self.0, CLOCK.raw())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    #[test]
    fn agrees_with_the_clock_of_the_system() {
        let (start, system) = (Start::now(), Instant::now());
        std::thread::sleep(Duration::from_millis(200));
        let (nanos, system) = (start.elapsed_nanos(), system.elapsed().as_nanos());
        let difference = u128::from(nanos).abs_diff(system);
        assert!(difference < system / 100, "{nanos} and {system}");
    }
}
