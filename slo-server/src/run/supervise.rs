//! A program and all that it starts, until it ends or its server says so: what the launcher does once it is confined.

use rustix::process::{Pid, Signal, getpid, kill_process, set_child_subreaper};
use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read, Write},
    os::unix::process::ExitStatusExt,
    process::{Command, ExitStatus, Stdio},
    sync::mpsc::{Sender, channel},
    thread,
    time::Duration,
};

/// What is heard while a program runs.
enum Heard {
    Ended(io::Result<ExitStatus>),
    /// Its server has ended, or wants it to.
    Enough,
}

/// Runs `program` with what comes on standard input: its length in eight bytes, the least first, and as much text. Standard
/// input then stays open for as long as the program may run.
///
/// Whatever it started goes away with it, also what left its process group: it becomes a child of this process.
pub(super) fn supervise(mut program: Command) -> io::Error {
    if let Err(error) = set_child_subreaper(Some(getpid())) {
        return error.into();
    }
    let mut child = match program.stdin(Stdio::piped()).spawn() {
        Ok(child) => child,
        Err(error) => return error,
    };
    let stdin = child.stdin.take();
    let (heard, listen) = channel();
    let server = heard.clone();
    thread::spawn(move || {
        listen_to_server(stdin);
        tell(&server, Heard::Enough);
    });
    thread::spawn(move || tell(&heard, Heard::Ended(child.wait())));
    let first = listen.recv();
    end_all();
    match first {
        Ok(Heard::Ended(Ok(status))) => end_as(status),
        Ok(Heard::Ended(Err(error))) => error,
        Ok(Heard::Enough) | Err(_) => std::process::exit(1),
    }
}

/// Whoever listens has ended, or hears it.
fn tell(to: &Sender<Heard>, heard: Heard) {
    let _ended = to.send(heard);
}

/// Passes the text on, and returns when the server closes the door.
fn listen_to_server(child: Option<impl Write + Send + 'static>) {
    let mut server = io::stdin().lock();
    let mut length = [0; 8];
    if server.read_exact(&mut length).is_err() {
        return;
    }
    let mut text = Vec::new();
    if server.by_ref().take(u64::from_le_bytes(length)).read_to_end(&mut text).is_err() {
        return;
    }
    // A program need not read it, and may take its time.
    thread::spawn(move || child.map(|mut child| child.write_all(&text)));
    let mut rest = [0; 64];
    while matches!(server.read(&mut rest), Ok(1..)) {}
}

/// How often what still runs is looked for.
const ROUNDS: u32 = 200;

/// Ends every process that came from this one.
fn end_all() {
    for round in 0..ROUNDS {
        let left = descendants(getpid().as_raw_nonzero().get());
        if left.is_empty() {
            return;
        }
        for pid in left {
            if let Some(pid) = Pid::from_raw(pid) {
                // It may be gone already.
                let _gone = kill_process(pid, Signal::KILL);
            }
        }
        thread::sleep(Duration::from_millis(u64::from(round.min(10))));
    }
}

/// The processes that came from `ancestor` and still run, as far as they can be seen.
fn descendants(ancestor: i32) -> Vec<i32> {
    let mut children: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    for pid in pids {
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        // The name, in brackets, may be anything.
        let Some((_, rest)) = stat.rsplit_once(')') else { continue };
        let mut fields = rest.split_whitespace();
        let state = fields.next();
        if let Some(parent) = fields.next().and_then(|parent| parent.parse().ok()) {
            // A zombie has ended; what it started has another parent by now.
            if state != Some("Z") {
                children.entry(parent).or_default().push(pid);
            }
        }
    }
    let mut found = Vec::new();
    let mut open = vec![ancestor];
    while let Some(next) = open.pop() {
        let own = children.remove(&next).unwrap_or_default();
        open.extend(&own);
        found.extend(own);
    }
    found
}

/// What is added to the number of the signal that ended a program, as shells do.
pub(super) const BY_SIGNAL: i32 = 128;

/// Ends as the program ended.
fn end_as(status: ExitStatus) -> ! {
    let of_signal = status.signal().map(|signal| BY_SIGNAL + signal);
    std::process::exit(status.code().or(of_signal).unwrap_or(1))
}
