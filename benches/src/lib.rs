//! Benchmarks live in `benches/`; `scripts/bench` runs them and `docs/benchmarks.md` holds their results.

/// The programs of the README, so that they are compiled. Here, since this package has all that they use.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
