//! How a proxy treats a connection.

use slo_core::model::{Ratio, Window};
use slo_ops::experiment::Toxic;
use std::{sync::Arc, time::Duration};

/// What a proxy does at the moment.
#[derive(Debug, Clone, Default)]
pub(super) struct Conditions {
    toxic: Option<Arc<Toxic>>,
}

/// How one connection is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Treatment {
    /// Bytes pass.
    #[default]
    Pass,
    /// Bytes pass later, or more slowly.
    Slow {
        /// How much later.
        latency: Duration,
        /// How far from that, to either side.
        jitter: Duration,
        /// Bytes per second.
        bandwidth: Option<u64>,
    },
    /// Nothing passes, and nothing is lost.
    Hold,
    /// The connection is reset.
    Reset,
}

impl Conditions {
    pub(super) fn new(toxic: Option<Toxic>) -> Self {
        Self { toxic: toxic.map(Arc::new) }
    }

    pub(super) fn toxic(&self) -> Option<&Toxic> {
        self.toxic.as_deref()
    }

    /// How the connection of this number is treated.
    pub(super) fn of(&self, number: u64) -> Treatment {
        let Some(toxic) = self.toxic.as_deref().filter(|toxic| is_hit(toxic, number)) else {
            return Treatment::Pass;
        };
        if toxic.reset {
            return Treatment::Reset;
        }
        if toxic.black_hole {
            return Treatment::Hold;
        }
        let length = |window: Option<Window>| window.map_or(Duration::ZERO, Window::as_duration);
        Treatment::Slow {
            latency: length(toxic.latency),
            jitter: length(toxic.jitter),
            bandwidth: toxic.bandwidth,
        }
    }
}

/// Whether a connection is among those that are hit: the same ones for the same seed.
fn is_hit(toxic: &Toxic, number: u64) -> bool {
    let share = toxic.share.unwrap_or(Ratio::ONE);
    share == Ratio::ONE || unit(toxic.seed, number) < share.to_f64()
}

/// A number in [0, 1) that depends on the seed and the connection alone (`SplitMix64`).
fn unit(seed: u64, number: u64) -> f64 {
    let mut mixed = seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    (mixed >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn toxic(text: &str) -> Toxic {
        slo_ops::experiment::read_toxic(text).unwrap().0
    }

    #[test]
    fn hits_the_share_that_was_asked_for() {
        let conditions = Conditions::new(Some(toxic("{latency: 1s, share: 20%, seed: 7}")));
        let hit = |conditions: &Conditions| {
            (0..10_000).filter(|number| conditions.of(*number) != Treatment::Pass).count()
        };
        assert!((1_900..2_100).contains(&hit(&conditions)), "{}", hit(&conditions));
        let same = Conditions::new(Some(toxic("{latency: 1s, share: 20%, seed: 7}")));
        assert!((0..1_000).all(|number| conditions.of(number) == same.of(number)));
        let all = Conditions::new(Some(toxic("{reset: true}")));
        assert!((0..100).all(|number| all.of(number) == Treatment::Reset));
    }
}
