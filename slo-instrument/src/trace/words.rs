//! A few words that are written and read as one: a sequence lock, which never waits.

use super::sync::{ATTEMPTS, AtomicU64, Ordering, fence};

/// Words that are written and read as one.
///
/// A writer makes the version odd, and gives up if another one is writing. Readers read again if the version
/// has changed.
#[derive(Debug)]
pub(crate) struct Words<const N: usize> {
    version: AtomicU64,
    words: [AtomicU64; N],
}

impl<const N: usize> Default for Words<N> {
    fn default() -> Self {
        Self { version: AtomicU64::new(0), words: std::array::from_fn(|_| AtomicU64::new(0)) }
    }
}

impl<const N: usize> Words<N> {
    /// Writes them, unless somebody else does.
    pub(crate) fn write(&self, words: [u64; N]) {
        let version = self.version.load(Ordering::Relaxed);
        let is_free = version.is_multiple_of(2);
        if !is_free
            || self
                .version
                .compare_exchange(version, version.wrapping_add(1), Ordering::Acquire, Ordering::Relaxed)
                .is_err()
        {
            return;
        }
        // No part may be seen before the odd version is.
        fence(Ordering::Release);
        for (cell, word) in self.words.iter().zip(words) {
            cell.store(word, Ordering::Relaxed);
        }
        self.version.store(version.wrapping_add(2), Ordering::Release);
    }

    /// The words written last; `None` if there are none, or if writers are too busy.
    pub(crate) fn read(&self) -> Option<[u64; N]> {
        for _ in 0..ATTEMPTS {
            let before = self.version.load(Ordering::Acquire);
            let words = std::array::from_fn(|index| {
                self.words.get(index).map_or(0, |cell| cell.load(Ordering::Relaxed))
            });
            fence(Ordering::Acquire);
            if before.is_multiple_of(2) && self.version.load(Ordering::Relaxed) == before {
                return (before > 0).then_some(words);
            }
        }
        None
    }
}
