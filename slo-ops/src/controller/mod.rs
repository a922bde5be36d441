//! What a controller of Kubernetes decides: which `PrometheusRule` an object with SLOs needs, and what its status says.

mod claims;
mod kind;
mod object;
mod phase;
mod rule;
mod verdict;

pub use claims::{Claims, Holder};
pub use kind::Kind;
pub use object::{Object, Read};
pub use phase::{OwnRule, Phase};
pub use rule::{ALERTING_SINCE, CONTROLLER, MANAGED_BY, Manager, RECORDING_SINCE, Writer};
pub use verdict::{Reason, Verdict, shorten};
