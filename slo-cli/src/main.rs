//! The `slo` command.

use std::process::ExitCode;

/// Rules are built of many small values.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    #[cfg(feature = "server")]
    {
        use slo_server::{fault, run};
        let mut rest = std::env::args_os().skip(1);
        match rest.next().as_deref().and_then(std::ffi::OsStr::to_str) {
            Some(run::LAUNCH) => run::launch(rest),
            Some(fault::HOLD) => fault::hold(rest),
            Some(fault::PRESS) => fault::press(rest),
            _ => {}
        }
    }
    // Not locked: `slo mcp` writes its answers there from other threads.
    let code = slo_cli::run(std::env::args_os(), &mut std::io::stdout(), &mut std::io::stderr().lock());
    ExitCode::from(code.as_u8())
}
