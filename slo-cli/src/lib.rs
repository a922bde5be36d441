//! The `slo` command as a library.
//!
//! It reads files and HTTP responses, runs slo-core on them, and writes files and text.
//!
//! ```
//! let (mut out, mut talk) = (Vec::new(), Vec::new());
//! let code = slo_cli::run(["slo", "budget", "--objective", "99.9%"], &mut out, &mut talk);
//! assert_eq!(code, slo_cli::Exit::Done);
//! assert!(String::from_utf8_lossy(&out).contains("43m12s"));
//! ```

mod args;
mod commands;
mod error;
mod history;
mod load;
mod named;
mod parallel;
mod plain;
mod recorded;
mod table;
mod text;
mod time;
mod write;

pub use error::Exit;

use clap::Parser;
use error::Error;
use std::{ffi::OsString, io::Write};

/// Runs the command line `args`, which begins with the name of the program.
///
/// Results go to `out`, messages to `talk`.
pub fn run(
    args: impl IntoIterator<Item = impl Into<OsString> + Clone>,
    out: &mut dyn Write,
    talk: &mut dyn Write,
) -> Exit {
    let command = match args::Args::try_parse_from(args) {
        Ok(args) => args.command,
        Err(error) => {
            // Help and version are data that was asked for; everything else is a mistake in the call.
            if error.use_stderr() {
                let _closed = write!(talk, "{error}");
                return Exit::Usage;
            }
            let _closed = write!(out, "{error}");
            return Exit::Done;
        }
    };
    // Messages may quote text of files and servers.
    let talk = &mut plain::Plain(talk);
    match commands::run(&command, out, talk) {
        // A reader that has seen enough closes the pipe.
        Ok(()) | Err(Error::Closed) => Exit::Done,
        Err(error) => {
            let _closed = writeln!(talk, "{error}");
            error.exit()
        }
    }
}
