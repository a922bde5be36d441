//! PromQL as an expression tree, which prints only valid PromQL.

mod expr;
mod print;

pub use expr::{Aggregation, BinaryOp, Expr, Function, Matching, Range, RangeFunction};
