//! The `slo` command as a library: files and HTTP in, slo-core's pipeline, files and text out.
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
mod load;
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

/// Runs the command `args`, the first of which is the program's name. Data goes to `out`, everything
/// that is said about it to `talk`.
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
    // Whatever is said may have words of files and servers in it.
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
