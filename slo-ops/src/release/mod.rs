//! Releases: may a new version stay?
//!
//! | step | type |
//! |---|---|
//! | what people write | [`Gate`], of a configuration by [`read_gates`] |
//! | its series, with the labels of this release | [`Gate::series`] |
//! | what the events say, look by look | [`GateRun`] |

mod gate;
mod judged;
mod read;

pub use gate::{Compare, Gate, GateSeries};
pub use judged::{GateCounts, GateReport, GateRun, OldVersion, SloGate};
pub use read::{Gates, read_gates};
