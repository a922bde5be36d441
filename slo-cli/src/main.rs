//! The `slo` command.

use std::process::ExitCode;

/// Rules are built of many small values.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    #[cfg(feature = "server")]
    if std::env::args_os().nth(1).is_some_and(|first| first == slo_server::run::LAUNCH) {
        slo_server::run::launch(std::env::args_os().skip(2));
    }
    let code =
        slo_cli::run(std::env::args_os(), &mut std::io::stdout().lock(), &mut std::io::stderr().lock());
    ExitCode::from(code.as_u8())
}
