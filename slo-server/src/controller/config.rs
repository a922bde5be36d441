//! What a controller is told.

use slo_core::spec::Defaults;
use slo_ops::controller::Writer;
use std::net::SocketAddr;

/// What a controller does.
#[derive(Debug, Clone)]
#[expect(clippy::exhaustive_structs, reason = "callers write it as a literal")]
pub struct ControllerConfig {
    /// The namespaces that it watches; all if there are none.
    pub namespaces: Vec<String>,
    /// Where it answers `/metrics`, `/healthz` and `/readyz`.
    pub listen: SocketAddr,
    /// The namespace of the lease; if `None`, that of the pod or of the settings of `kubectl`.
    pub lease_namespace: Option<String>,
    /// How rules are written.
    pub writer: Writer,
    /// What objects leave out.
    pub defaults: Defaults,
    /// Whether the rules of Sloth and Pyrra are deleted once ours have enough history.
    pub takes_over: bool,
}
