//! What threads share without waiting for each other, in every interleaving, by loom: cells that go from one thread to the
//! next, routes that are seen for the first time, and words that are read while they are written.
#![allow(dead_code, unreachable_pub, reason = "the module is used in part")]

/// What the module takes from the standard library in the crate.
mod sync {
    pub(crate) const KEPT: usize = 1;
    pub(crate) const ATTEMPTS: usize = 2;
    pub(crate) use loom::sync::{
        Mutex,
        atomic::{AtomicU64, fence},
    };
    pub(crate) use std::sync::{Arc, PoisonError, atomic::Ordering};

    /// As `arc_swap` has it: a change is made of what was there, and made again where another one came first.
    #[derive(Debug)]
    pub(crate) struct ArcSwap<T>(Mutex<Arc<T>>);

    impl<T> ArcSwap<T> {
        pub(crate) fn from_pointee(value: T) -> Self {
            Self(Mutex::new(Arc::new(value)))
        }

        pub(crate) fn load(&self) -> Arc<T> {
            Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
        }

        pub(crate) fn rcu(&self, change: impl Fn(&Arc<T>) -> Arc<T>) {
            loop {
                let seen = self.load();
                let changed = change(&seen);
                let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                if Arc::ptr_eq(&held, &seen) {
                    *held = changed;
                    return;
                }
            }
        }
    }
}

#[path = "../src/count/cells.rs"]
mod cells;
#[path = "../src/count/names.rs"]
mod names;
#[path = "../src/trace/words.rs"]
mod words;

use cells::Pool;
use loom::thread;
use names::Names;
use sync::Arc;
use words::Words;

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

#[test]
fn a_name_has_one_number_whoever_comes_first() {
    loom::model(|| {
        let names = Arc::new(Names::default());
        let threads: Vec<_> = [["b", "a"], ["a", "c"]]
            .into_iter()
            .map(|own| {
                let names = Arc::clone(&names);
                thread::spawn(move || own.map(|name| names.add(name, &Arc::new(name))))
            })
            .collect();
        let numbers: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert_eq!(numbers[0][1], numbers[1][0]);
        let of_each = [("a", numbers[0][1]), ("b", numbers[0][0]), ("c", numbers[1][1])];
        for (name, number) in of_each {
            assert_eq!((names.number(name), names.at(number).as_deref()), (Some(number), Some(&name)));
        }
        let sorted: Vec<&str> = names.sorted().iter().map(|name| **name).collect();
        assert_eq!((names.len(), sorted), (3, vec!["a", "b", "c"]));
    });
}

/// Every interleaving with up to two switches that no thread asked for: all of them take half a minute.
fn model(threads: impl Fn() + Send + Sync + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(2);
    model.check(threads);
}

#[test]
fn words_are_never_halves_of_two() {
    model(|| {
        let words = Arc::new(Words::<2>::default());
        let writer = {
            let words = Arc::clone(&words);
            thread::spawn(move || {
                words.write([1; 2]);
                words.write([2; 2]);
            })
        };
        if let Some([first, second]) = words.read() {
            assert!(first == second && (1..=2).contains(&first));
        }
        writer.join().unwrap();
        assert_eq!(words.read(), Some([2; 2]));
    });
}

#[test]
fn of_two_writers_one_gives_way() {
    model(|| {
        let words = Arc::new(Words::<2>::default());
        let writers: Vec<_> = (1..=2)
            .map(|word| {
                let words = Arc::clone(&words);
                thread::spawn(move || words.write([word; 2]))
            })
            .collect();
        for writer in writers {
            writer.join().unwrap();
        }
        assert!(words.read().is_some_and(|[first, second]| first == second && first > 0));
    });
}
