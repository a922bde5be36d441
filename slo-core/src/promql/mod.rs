//! PromQL as a tree that prints only valid PromQL; never pasted text.

mod expr;
mod print;

pub use expr::{Aggregation, BinaryOp, Expr, Function, Matching, Range, RangeFunction};
