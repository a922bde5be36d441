//! The durable record, in a `SQLite` file or in `PostgreSQL`.

mod error;
mod postgres;
mod sqlite;
#[expect(clippy::module_inception, reason = "the module of stores holds the trait")]
mod store;
mod text;

pub use error::StoreError;
pub use postgres::Postgres;
pub use sqlite::Sqlite;
pub use store::{
    Append, Arrival, Claim, IncidentRow, KeptRun, Numbered, Owner, Query, Receipt, Start, Store, StoreFuture,
};
