//! What a server shows of SLOs: a list of all of them, and the details of one.

mod detail;
mod filter;
mod headline;
mod plan;
mod row;
mod rules;
mod span;

pub use detail::{AlertState, Buckets, Detail, GroupSpend};
pub use filter::{Filter, Sort};
pub use headline::Headline;
pub use plan::{Answers, Curve, DetailPlan, Grid, Query, What};
pub use row::{Row, SloState};
pub use rules::LoadedRules;
pub use span::Span;
