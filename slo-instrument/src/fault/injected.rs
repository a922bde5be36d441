//! The mark of a fault.

/// In the extensions of a response into which a fault was injected.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Injected(pub(crate) &'static str);
