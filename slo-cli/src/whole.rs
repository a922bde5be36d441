//! Estimates as whole numbers.

/// Counts that were estimated in part, as whole ones: what is rounded off goes to the next, so that the sum is right. A
/// count below zero makes up for those before it.
pub(crate) fn whole(counts: &[Option<f64>]) -> Vec<u64> {
    let (mut sum, mut given) = (0.0, 0_u64);
    let next = |count: &Option<f64>| {
        sum += count.unwrap_or(0.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "not negative, and saturates"
        )]
        let upto = sum.round() as u64;
        let part = upto.saturating_sub(given);
        given = given.max(upto);
        part
    };
    counts.iter().map(next).collect()
}

#[cfg(test)]
mod tests {
    use super::whole;

    #[test]
    fn sums_are_kept() {
        assert_eq!(whole(&[Some(0.4), Some(0.4), None, Some(0.4), Some(5.0)]), [0, 1, 0, 0, 5]);
        assert_eq!(whole(&[Some(0.3); 10]).iter().sum::<u64>(), 3);
        assert_eq!(whole(&[Some(2.0), Some(-1.0), Some(0.5), Some(2.0), Some(-9.0)]), [2, 0, 0, 2, 0]);
    }
}
