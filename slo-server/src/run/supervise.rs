//! The supervision of a program and its processes, by a launcher that has set its limits.

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

/// A message from the server.
enum Heard {
    /// The text for the program's standard input.
    Text(Vec<u8>),
    /// The server has ended, or wants the program to end.
    Enough,
}

/// How often to check whether the program has ended.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Runs `program` with the text from standard input; returns only if it cannot start.
///
/// Standard input holds the length of the text in eight bytes, least significant first, and the text. It then
/// stays open for as long as the program may run.
///
/// Every process that the program started is killed when it ends. A process that left its group becomes a
/// child of this process, and is killed as well.
pub(super) fn supervise(program: &mut Command) -> io::Error {
    match begin(program) {
        Ok((child, heard)) => wait(child, &heard),
        Err(error) => error,
    }
}

/// Starts the program, after everything else that may fail.
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
    // Its own group: signals that it sends to its group do not reach this process.
    let mut child = program.stdin(Stdio::piped()).process_group(0).spawn()?;
    if let Some(stdin) = child.stdin.take() {
        let _ended = give.send((stdin, text));
    }
    Ok((child, heard))
}

/// Waits until the program ends or must end, kills all that is left, and exits as the program did.
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

/// Passes on the text from the server, and then its end.
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

/// The exit code of a program that a signal ended is this plus the signal's number, as in shells.
pub(super) const BY_SIGNAL: i32 = 128;

fn code(status: ExitStatus) -> i32 {
    let of_signal = status.signal().map(|signal| BY_SIGNAL + signal);
    status.code().or(of_signal).unwrap_or(1)
}
