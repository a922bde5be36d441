//! A YAML reader: nodes with positions, and all faults of a document at once.
//!
//! The readers of [`spec`](crate::spec) and of other configuration files are built on it.
//!
//! ```
//! use slo_core::document::{Faults, Fields, documents};
//! use slo_core::model::Window;
//!
//! let nodes = documents("every: 5 minutes\nevry: 1m\n").unwrap();
//! let mut faults = Faults::default();
//! let fields = Fields::of(&nodes[0], "", &["every"], &mut faults).unwrap();
//! let every: Option<Window> = fields.parsed("every", "5m", &mut faults);
//! assert_eq!(every, None);
//! let faults = faults.into_result(every).unwrap_err();
//! assert_eq!(faults.faults().len(), 2);
//! assert!(faults.to_string().contains("2:1: unknown key `evry`\n  hint: did you mean `every`?"));
//! ```

mod fields;
mod only;
mod tree;

pub(crate) use fields::closest;
pub use fields::{Faults, Fields, items, parsed, text};
pub use only::{check_version, one_document};
pub use tree::{Key, Node, Position, Value, documents};
