//! Counters that threads add to without sharing them.
//!
//! Every thread has its own cells and is the only one that writes them. So adding is a load and a store, not
//! a locked instruction for which processors take turns. Readers sum over all cells. The cells of a thread
//! that ends keep their counts, and the next thread that needs cells takes them over. If several free cells
//! wait already, their counts are added to those of all ended threads. The lock of the pool orders the two.

use super::sync::{Arc, AtomicU64, KEPT, Mutex, Ordering, PoisonError};

/// The cells of one thread, in lines that no other thread's cells share.
type Cells = Arc<[Line]>;

/// Two cache lines: processors fetch them in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Line([AtomicU64; CELLS_PER_LINE]);

const CELLS_PER_LINE: usize = 16;

fn cell(cells: &[Line], index: usize) -> Option<&AtomicU64> {
    cells.get(index / CELLS_PER_LINE)?.0.get(index % CELLS_PER_LINE)
}

/// All cells of one set of counters.
#[derive(Debug)]
pub(crate) struct Pool {
    count: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    all: Vec<Cells>,
    // Those that no thread owns at the moment.
    free: Vec<Cells>,
    // The counts of cells that are no more.
    retired: Vec<u64>,
}

impl Pool {
    /// `count` counters at zero.
    pub(crate) fn new(count: usize) -> Self {
        Self { count, held: Mutex::new(Held::default()) }
    }

    /// Cells that belong to the caller until they are dropped.
    pub(crate) fn take(self: &Arc<Self>) -> Owned {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let cells = held.free.pop().unwrap_or_else(|| {
            let lines = self.count.div_ceil(CELLS_PER_LINE);
            let cells: Cells = (0..lines).map(|_| Line::default()).collect::<Vec<_>>().into();
            held.all.push(Arc::clone(&cells));
            cells
        });
        Owned { pool: Arc::clone(self), cells }
    }

    /// How many threads' cells there are.
    #[cfg(test)]
    pub(crate) fn sets(&self) -> usize {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).all.len()
    }

    /// The sum of every counter over all threads, in `sums`.
    pub(crate) fn read(&self, sums: &mut Vec<u64>) {
        sums.clear();
        sums.resize(self.count, 0);
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        for (sum, retired) in sums.iter_mut().zip(&held.retired) {
            *sum = *retired;
        }
        for cells in &held.all {
            add(cells, sums);
        }
    }
}

/// Adds what `cells` hold to `sums`.
fn add(cells: &[Line], sums: &mut [u64]) {
    for (line, sums) in cells.iter().zip(sums.chunks_mut(CELLS_PER_LINE)) {
        for (cell, sum) in line.0.iter().zip(sums) {
            *sum = sum.saturating_add(cell.load(Ordering::Acquire));
        }
    }
}

/// Cells of one owner, who alone writes them.
#[derive(Debug)]
pub(crate) struct Owned {
    pool: Arc<Pool>,
    cells: Cells,
}

impl Owned {
    /// Adds to a counter. That takes the owner alone, which `&mut` proves.
    pub(crate) fn add(&mut self, index: usize, amount: u64) {
        if let Some(cell) = cell(&self.cells, index) {
            cell.store(cell.load(Ordering::Relaxed).wrapping_add(amount), Ordering::Release);
        }
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        let mut held = self.pool.held.lock().unwrap_or_else(PoisonError::into_inner);
        let Held { all, free, retired } = &mut *held;
        if free.len() < KEPT {
            free.push(Arc::clone(&self.cells));
            return;
        }
        retired.resize(self.pool.count, 0);
        add(&self.cells, retired);
        if let Some(position) = all.iter().rposition(|cells| Arc::ptr_eq(cells, &self.cells)) {
            all.swap_remove(position);
        }
    }
}
