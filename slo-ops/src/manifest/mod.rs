//! Manifests of Kubernetes: objects with their places in files, and the quantities in them.

mod object;
mod quantity;

pub use object::{Object, ObjectRef, objects};
pub use quantity::{cores, memory};
