//! Benchmarks live in `benches/`; `scripts/bench` runs them and `docs/benchmarks.md` holds their results.
