//! The `slo` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    let code =
        slo_cli::run(std::env::args_os(), &mut std::io::stdout().lock(), &mut std::io::stderr().lock());
    ExitCode::from(code.as_u8())
}
