//! A program and all that it starts, until it ends or its server says so: what the launcher does once it is confined.

use super::processes;
use rustix::process::{getpid, set_child_subreaper};
use std::{
    io::{self, Read, Write},
    os::unix::process::{CommandExt, ExitStatusExt},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread,
    time::Duration,
};

/// What is heard from the server.
enum Heard {
    /// What the program gets on its standard input.
    Text(Vec<u8>),
    /// It has ended, or wants the program to.
    Enough,
}

/// How often it is looked whether the program has ended.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Runs `program` with what comes on standard input: its length in eight bytes, the least first, and as much text. Standard
/// input then stays open for as long as the program may run. Returns only if it cannot begin.
///
/// Whatever it started goes away with it, also what left its process group: it becomes a child of this process.
pub(super) fn supervise(program: &mut Command) -> io::Error {
    match begin(program) {
        Ok((child, heard)) => wait(child, &heard),
        Err(error) => error,
    }
}

/// Begins the program; everything else that may fail comes first.
fn begin(program: &mut Command) -> io::Result<(Child, Receiver<Heard>)> {
    set_child_subreaper(Some(getpid()))?;
    let (tell, heard) = channel();
    let (give, given) = channel::<(ChildStdin, Vec<u8>)>();
    thread::Builder::new().spawn(move || listen(&tell))?;
    thread::Builder::new().spawn(move || {
        // A program need not read its input, and may take its time.
        given.recv().is_ok_and(|(mut stdin, text)| stdin.write_all(&text).is_ok())
    })?;
    let Ok(Heard::Text(text)) = heard.recv() else {
        return Err(io::Error::new(io::ErrorKind::BrokenPipe, "the server has ended"));
    };
    // A group of its own: what it sends to its group does not reach this process.
    let mut child = program.stdin(Stdio::piped()).process_group(0).spawn()?;
    if let Some(stdin) = child.stdin.take() {
        let _ended = give.send((stdin, text));
    }
    Ok((child, heard))
}

/// Waits until the program ends, or is to end; ends all that is left, and then this process, as the program ended.
fn wait(mut child: Child, heard: &Receiver<Heard>) -> ! {
    let ended = loop {
        match child.try_wait() {
            Ok(None) => {}
            Ok(Some(status)) => break Some(status),
            Err(_) => break None,
        }
        match heard.recv_timeout(LOOK_EVERY) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(_) | Err(RecvTimeoutError::Disconnected) => break None,
        }
    };
    if ended.is_none() {
        // Also where `/proc` cannot be read.
        let _gone = child.kill();
    }
    processes::end_all(|| processes::descendants(getpid().as_raw_nonzero().get()));
    std::process::exit(ended.map_or(1, code))
}

/// Passes on what the server says, until it closes the door.
fn listen(tell: &Sender<Heard>) {
    let mut server = io::stdin().lock();
    let mut length = [0; 8];
    let mut text = Vec::new();
    let is_whole = server.read_exact(&mut length).is_ok()
        && server.by_ref().take(u64::from_le_bytes(length)).read_to_end(&mut text).is_ok()
        && text.len() as u64 == u64::from_le_bytes(length);
    if is_whole && tell.send(Heard::Text(text)).is_ok() {
        let mut rest = [0; 64];
        while matches!(server.read(&mut rest), Ok(1..)) {}
    }
    let _ended = tell.send(Heard::Enough);
}

/// What is added to the number of the signal that ended a program, as shells do.
pub(super) const BY_SIGNAL: i32 = 128;

fn code(status: ExitStatus) -> i32 {
    let of_signal = status.signal().map(|signal| BY_SIGNAL + signal);
    status.code().or(of_signal).unwrap_or(1)
}
