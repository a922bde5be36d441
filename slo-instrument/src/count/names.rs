//! Names that get numbers, in order of their arrival.
//!
//! A lookup never waits. A new name replaces the whole table, which happens once for each name.

use super::sync::{Arc, ArcSwap};
use fnv::FnvBuildHasher;
use std::collections::HashMap;

/// A table of values by name.
#[derive(Debug)]
pub(crate) struct Names<T>(ArcSwap<Table<T>>);

/// Names are the program's own, so a hash that resists attackers would only cost time.
#[derive(Debug)]
struct Table<T> {
    numbers: HashMap<Box<str>, u32, FnvBuildHasher>,
    all: Vec<Arc<T>>,
    // In the order of the names.
    sorted: Arc<[Arc<T>]>,
}

impl<T> Default for Names<T> {
    fn default() -> Self {
        let (numbers, all, sorted) = (HashMap::default(), Vec::new(), Arc::from([]));
        Self(ArcSwap::from_pointee(Table { numbers, all, sorted }))
    }
}

impl<T> Names<T> {
    /// The number of `name`.
    pub(crate) fn number(&self, name: &str) -> Option<u32> {
        self.0.load().numbers.get(name).copied()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.load().all.len()
    }

    /// The value with this number.
    pub(crate) fn at(&self, number: u32) -> Option<Arc<T>> {
        self.0.load().all.get(usize::try_from(number).ok()?).cloned()
    }

    /// All of them, in the order of their names.
    pub(crate) fn sorted(&self) -> Arc<[Arc<T>]> {
        Arc::clone(&self.0.load().sorted)
    }

    /// The number of `name`; stores `new` under it if the name is new.
    pub(crate) fn add(&self, name: &str, new: &Arc<T>) -> u32 {
        self.0.rcu(|table| {
            if table.numbers.contains_key(name) { Arc::clone(table) } else { Arc::new(table.with(name, new)) }
        });
        self.number(name).unwrap_or(u32::MAX)
    }
}

impl<T> Table<T> {
    fn with(&self, name: &str, new: &Arc<T>) -> Self {
        let number = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        let (mut numbers, mut all, mut sorted) =
            (self.numbers.clone(), self.all.clone(), self.sorted.to_vec());
        let before = |known: &&str| *known < name;
        let place = self.numbers.keys().map(AsRef::as_ref).filter(before).count();
        numbers.insert(name.into(), number);
        all.push(Arc::clone(new));
        sorted.insert(place, Arc::clone(new));
        Self { numbers, all, sorted: sorted.into() }
    }
}
