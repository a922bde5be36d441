//! The launcher: a process that sets limits for itself and then runs the program.
//!
//! In a program with many threads, code between the start of a new process and its program must not allocate.
//! So the limits are set in a separate process, this one.

use super::{Enforced, Limits, supervise::supervise};
use landlock::{
    ABI, Access, AccessFs, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetStatus,
    path_beneath_rules,
};
use rustix::{
    process::{Resource, Rlimit, Signal, getpid, kill_process, setrlimit, setsid},
    thread::set_no_new_privs,
};
use std::{
    ffi::{OsStr, OsString},
    io::{self, Write},
    process::Command,
};

/// The first argument of a launcher.
pub const LAUNCH: &str = "__launch";
/// In place of a program: prints how far the limits are enforced.
pub(super) const PROBE: &str = "--probe";
/// The most files that a program may have open.
const MOST_FILES: u64 = 1_024;

/// Runs a program within limits, and exits as the program does.
///
/// `args` are the limits as JSON, the program, and its arguments. A binary that runs runbooks calls this
/// first if its first argument is [`LAUNCH`].
pub fn launch(args: impl Iterator<Item = OsString>) -> ! {
    let error = begin(args);
    // There is nowhere else to report it.
    let _closed = writeln!(io::stderr(), "{error}");
    // No program ends like this, so the server knows that none started.
    let _unsent = kill_process(getpid(), NOT_BEGUN);
    std::process::exit(126)
}

/// The signal that ends a launcher that could not start the program.
pub(super) const NOT_BEGUN: Signal = Signal::USR1;

fn begin(mut args: impl Iterator<Item = OsString>) -> io::Error {
    let limits = args.next().and_then(|json| serde_json::from_slice::<Limits>(json.as_encoded_bytes()).ok());
    let (Some(limits), Some(program)) = (limits, args.next()) else {
        return io::Error::new(io::ErrorKind::InvalidInput, "the launcher may only be called by slo itself");
    };
    let enforced = match restrict(&limits) {
        Ok(enforced) => enforced,
        Err(error) => return error,
    };
    if program == OsStr::new(PROBE) {
        let told = writeln!(io::stdout(), "{enforced}");
        std::process::exit(i32::from(told.is_err()));
    }
    supervise(Command::new(program).args(args))
}

fn restrict(limits: &Limits) -> io::Result<Enforced> {
    // Without a terminal, and with its own process group. It fails if that is so already.
    let _leads = setsid();
    set_no_new_privs(true)?;
    let most = [
        (Resource::Cpu, limits.cpu_seconds),
        (Resource::Fsize, limits.largest_file),
        (Resource::Nofile, MOST_FILES),
        (Resource::Core, 0),
    ];
    for (resource, most) in most {
        let limit = Some(most);
        // A limit cannot be raised above the current one.
        let _refused = setrlimit(resource, Rlimit { current: limit, maximum: limit });
    }
    confine(limits).map_err(io::Error::other)
}

/// Allows reading and running everywhere, and writing only to the named paths.
fn confine(limits: &Limits) -> Result<Enforced, landlock::RulesetError> {
    let abi = ABI::V5;
    let read = AccessFs::from_read(abi);
    let write = AccessFs::from_all(abi);
    let writes: Vec<&str> = limits.writes.iter().map(String::as_str).chain(DEVICES).collect();
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(write)?
        .create()?
        .add_rules(path_beneath_rules(["/"], read))?
        .add_rules(path_beneath_rules(writes, write))?
        .restrict_self()?;
    Ok(match status.ruleset {
        RulesetStatus::FullyEnforced => Enforced::Fully,
        RulesetStatus::PartiallyEnforced => Enforced::Partly,
        RulesetStatus::NotEnforced => Enforced::Not,
    })
}

/// Devices that every program may write to.
const DEVICES: [&str; 1] = ["/dev/null"];
