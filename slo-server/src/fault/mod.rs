//! Faults, injected for as long as somebody renews their lease.

mod conditions;
mod control;
mod proxy;
mod pump;

pub use control::serve_control;
pub use proxy::{Proxy, ProxyError, ProxyHandle, ProxyState};
