//! Faults of experiments, each for as long as its lease is renewed.
//!
//! | fault | who undoes it if nobody renews the lease |
//! |---|---|
//! | processes that are killed or stopped, a node that goes away | a watchdog: a process of its own ([`hold`]) |
//! | CPU, memory, disk, file descriptors | the process that uses them up ends with the watchdog ([`press`]) |
//! | connections | the [`Proxy`] |
//! | requests | the service, which links `slo-instrument` |
//! | pods and nodes of Kubernetes | the watchdog |
//!
//! What undoes a fault is in a [`Journal`] before the fault is injected, so the next start can undo it as well.

mod check;
mod conditions;
mod control;
mod inject;
mod journal;
#[cfg(feature = "kubernetes")]
mod kubernetes;
mod namespace;
mod press;
mod proxy;
mod pump;
mod remote;
mod targets;
mod watchdog;

pub(crate) use check::targets;
pub use control::serve_control;
pub use journal::{Journal, Journals};
pub use press::{PRESS, press};
pub use proxy::{Proxy, ProxyError, ProxyHandle, ProxyState};
pub(crate) use targets::{own, runs, signal};
pub use watchdog::{HOLD, hold};
pub(crate) use watchdog::{Held, restore};
