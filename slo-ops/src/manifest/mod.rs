//! Manifests of Kubernetes: objects with their places in files, and the quantities in them.

mod object;
mod quantity;

pub(crate) use object::texts;
pub use object::{AGENT_POOL, Object, ObjectRef, objects, readable};
pub use quantity::{cores, memory};
