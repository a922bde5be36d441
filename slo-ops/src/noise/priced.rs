//! Firings and what they cost.

use super::{Firing, NoiseRules};
use crate::alert::LabelSet;
use slo_core::model::{Timestamp, Window};
use std::collections::BTreeMap;

/// A firing, and what was spent during it.
pub(super) struct Priced<'a> {
    pub(super) firing: &'a Firing,
    pub(super) spent: Option<f64>,
}

impl Priced<'_> {
    /// Whether it was worth it, if that is known.
    pub(super) fn was_worth(&self, rules: &NoiseRules) -> Option<bool> {
        self.spent.map(|spent| spent >= rules.worth)
    }
}

/// Those that begin within `within` after one of the same labels has ended. One that begins while another fires is none.
pub(super) fn flaps(firings: &[Priced<'_>], within: Window) -> u64 {
    let mut last: BTreeMap<&LabelSet, Timestamp> = BTreeMap::new();
    let mut flaps = 0;
    for Priced { firing, .. } in firings {
        let ended = last.insert(&firing.labels, firing.ended);
        flaps +=
            u64::from(ended.is_some_and(|ended| ended < firing.began && firing.began <= ended.after(within)));
    }
    flaps
}
