//! Clients against servers that a test makes up.

#![expect(clippy::unwrap_used, reason = "tests")]

mod doors;
mod hostile;
mod memory;
mod server;
