//! The least number for which something holds.

/// The least number from 1 to `most` for which `holds` is true, or `None`.
///
/// `holds` must stay true for all larger numbers, as a decision does with more events. It is called about 2·log₂ of the
/// result times.
///
/// ```
/// use slo_core::stats::fewest;
///
/// assert_eq!(fewest(1_000, |number| number * number >= 50), Some(8));
/// assert_eq!(fewest(7, |number| number * number >= 50), None);
/// ```
pub fn fewest(most: u64, holds: impl Fn(u64) -> bool) -> Option<u64> {
    let mut high = 1_u64;
    while !holds(high) {
        if high >= most {
            return None;
        }
        high = high.saturating_mul(2).min(most);
    }
    let mut low = high / 2;
    while high - low > 1 {
        let middle = low.midpoint(high);
        if holds(middle) { high = middle } else { low = middle }
    }
    Some(high)
}
