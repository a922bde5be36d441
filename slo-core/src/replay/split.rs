//! Splits a table that holds several histories.

use std::collections::BTreeMap;

/// The rows of each history of a table, sorted by time.
///
/// ```
/// use slo_core::replay::split;
///
/// let rows = split(&["b", "a", "b"], &[120, 60, 60]);
/// assert_eq!(rows.into_iter().collect::<Vec<_>>(), [("a", vec![1]), ("b", vec![2, 0])]);
/// ```
#[must_use]
pub fn split<'a>(keys: &[&'a str], times: &[i64]) -> BTreeMap<&'a str, Vec<usize>> {
    let mut rows: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut last: Option<(&str, Vec<usize>)> = None;
    for (row, key) in keys.iter().enumerate() {
        // Rows of one history mostly stand together: no search for those.
        match &mut last {
            Some((of, some)) if of == key => some.push(row),
            _ => {
                if let Some((of, some)) = last.replace((key, vec![row])) {
                    rows.entry(of).or_default().extend(some);
                }
            }
        }
    }
    if let Some((of, some)) = last {
        rows.entry(of).or_default().extend(some);
    }
    for rows in rows.values_mut() {
        let time = |row: &usize| times.get(*row).copied();
        if !rows.is_sorted_by_key(time) {
            rows.sort_by_key(time);
        }
    }
    rows
}
