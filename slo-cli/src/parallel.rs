//! Work on all cores, handed on in order.

use std::{num::NonZero, thread};

/// Items that a thread works on before its results are handed on: few enough to keep little in memory.
const BATCH: usize = 25;

/// Calls `work` for every item, on all cores, and `hand_on` with each result, in the order of the items.
pub(crate) fn in_order<T: Sync, R: Send, E>(
    items: &[T],
    work: impl Fn(&T) -> R + Sync,
    mut hand_on: impl FnMut(&T, R) -> Result<(), E>,
) -> Result<(), E> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    for batch in items.chunks(BATCH * threads) {
        let results: Vec<R> = thread::scope(|scope| {
            let per_thread = batch.len().div_ceil(threads);
            let (first, rest) = batch.split_at(per_thread.min(batch.len()));
            let others: Vec<_> = rest
                .chunks(per_thread.max(1))
                .map(|chunk| scope.spawn(|| chunk.iter().map(&work).collect::<Vec<R>>()))
                .collect();
            let mut results: Vec<R> = first.iter().map(&work).collect();
            for other in others {
                match other.join() {
                    Ok(more) => results.extend(more),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            results
        });
        for (item, result) in batch.iter().zip(results) {
            hand_on(item, result)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_order() {
        let items: Vec<usize> = (0..1_000).collect();
        let mut seen = Vec::new();
        let done: Result<(), ()> = in_order(
            &items,
            |item| item * 2,
            |_, double| {
                seen.push(double);
                Ok(())
            },
        );
        assert_eq!(done, Ok(()));
        assert!(seen.iter().copied().eq((0..1_000).map(|item| item * 2)));
        assert_eq!(
            in_order(&items, |item| *item, |_, item| if item < 5 { Ok(()) } else { Err(item) }),
            Err(5)
        );
    }
}
