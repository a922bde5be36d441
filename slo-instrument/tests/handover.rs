//! Cells that go from one thread to the next lose nothing: every interleaving, by loom.
#![allow(dead_code, unreachable_pub, reason = "the module is used in part")]

/// What the module takes from the standard library in the crate.
mod sync {
    pub(crate) const KEPT: usize = 1;
    pub(crate) use loom::sync::{Mutex, atomic::AtomicU64};
    pub(crate) use std::sync::{Arc, PoisonError, atomic::Ordering};
}

#[path = "../src/count/cells.rs"]
mod cells;

use cells::Pool;
use loom::thread;
use sync::Arc;

fn sum(pool: &Pool) -> u64 {
    let mut sums = Vec::new();
    pool.read(&mut sums);
    sums.into_iter().sum()
}

#[test]
fn what_one_thread_leaves_the_next_goes_on_with() {
    loom::model(|| {
        let pool = Arc::new(Pool::new(1));
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let pool = Arc::clone(&pool);
                thread::spawn(move || {
                    for _ in 0..2 {
                        let mut owned = pool.take();
                        owned.add(0, 1);
                        owned.add(0, 1);
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(sum(&pool), 8);
    });
}

#[test]
fn a_reader_never_sees_a_counter_fall() {
    loom::model(|| {
        let pool = Arc::new(Pool::new(1));
        let writer = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || {
                pool.take().add(0, 1);
                pool.take().add(0, 1);
            })
        };
        let (first, second) = (sum(&pool), sum(&pool));
        writer.join().unwrap();
        assert!(first <= second && second <= sum(&pool) && sum(&pool) == 2);
    });
}
