//! Fingerprints of alerts.

use std::{collections::BTreeMap, fmt};

/// Labels or annotations as a sender wrote them; names and values can be any text.
pub type LabelSet = BTreeMap<String, String>;

/// The fingerprint of an alert, as Alertmanager computes it.
///
/// It is the 64-bit FNV-1a hash of the sorted labels. Use it only to match alerts, never to authorize
/// anything: anybody can create labels with a chosen fingerprint.
///
/// ```
/// use slo_ops::alert::Fingerprint;
///
/// let labels = [
///     ("alertname", "SLOBurn"), ("service", "checkout"), ("severity", "critical"), ("slo", "checkout-availability"),
/// ];
/// let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
/// assert_eq!(Fingerprint::of(&labels).to_string(), "b1fb0f2141c0e4d0"); // as Alertmanager 0.25 writes it
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// The fingerprint of an alert with these labels.
    #[must_use]
    pub fn of(labels: &LabelSet) -> Self {
        let mut hash = Fnv::new();
        for (name, value) in labels {
            hash.add(name.as_bytes());
            hash.add(&[0xff]);
            hash.add(value.as_bytes());
            hash.add(&[0xff]);
        }
        Self(hash.0)
    }

    /// Its bytes, most significant first.
    pub(super) const fn to_bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// FNV-1a of 64 bits.
struct Fnv(u64);

impl Fnv {
    const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
