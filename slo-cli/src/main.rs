//! The `slo` command.

#[cfg(feature = "server")]
use std::io::Write;
use std::process::ExitCode;

/// Rules are built of many small values.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    #[cfg(feature = "server")]
    if std::env::args_os().nth(1).is_some_and(|first| first == slo_server::run::LAUNCH) {
        let error = slo_server::run::launch(std::env::args_os().skip(2));
        // There is nobody else to tell.
        let _closed = writeln!(std::io::stderr(), "{error}");
        return ExitCode::from(126);
    }
    let code =
        slo_cli::run(std::env::args_os(), &mut std::io::stdout().lock(), &mut std::io::stderr().lock());
    ExitCode::from(code.as_u8())
}
