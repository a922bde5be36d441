//! Bytes from one end of a connection to the other: in order, none lost, and as late as is asked.

use super::conditions::{Conditions, Treatment};
use std::{
    collections::VecDeque,
    io,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use tokio::{
    io::AsyncWriteExt,
    net::tcp::{OwnedReadHalf, OwnedWriteHalf},
    sync::watch,
    time::{Instant, sleep_until},
};

/// The most bytes of one direction that wait; beyond it the sender waits, as with any slow receiver.
const ROOM: usize = 4 << 20;
/// How much is read at once, at least and at most.
const LEAST_READ: usize = 4 << 10;
const MOST_READ: usize = 256 << 10;
/// Timers of tokio are rounded up to a millisecond, so half of one is taken off.
const ROUNDING: Duration = Duration::from_micros(500);
/// The smallest time that a bandwidth is kept over.
const SLICES_PER_SECOND: u64 = 50;

/// Bytes that wait.
struct Piece {
    due: Instant,
    bytes: Vec<u8>,
    written: usize,
}

/// One direction of a connection.
pub(super) struct Pump<'a> {
    pub(super) from: &'a mut OwnedReadHalf,
    pub(super) to: &'a mut OwnedWriteHalf,
    pub(super) conditions: watch::Receiver<Conditions>,
    /// The number of the connection.
    pub(super) number: u64,
    pub(super) random: fastrand::Rng,
    /// How many bytes have passed.
    pub(super) passed: &'a AtomicU64,
}

/// What waits, and when it may go.
#[derive(Default)]
struct Queue {
    pieces: VecDeque<Piece>,
    bytes: usize,
    // When the last piece is due: none overtakes another.
    last_due: Option<Instant>,
    // Until when the bandwidth is used up.
    busy_until: Option<Instant>,
}

impl Pump<'_> {
    /// Runs until the sender has ended and everything has arrived.
    ///
    /// # Errors
    /// A connection that broke, or that is to be reset.
    pub(super) async fn run(mut self) -> io::Result<()> {
        let mut queue = Queue::default();
        let (mut ended, mut read_size) = (false, LEAST_READ);
        let mut treatment = self.conditions.borrow_and_update().of(self.number);
        loop {
            if treatment == Treatment::Reset {
                return Err(io::ErrorKind::ConnectionReset.into());
            }
            if ended && queue.pieces.is_empty() {
                return self.to.shutdown().await;
            }
            let holds = treatment == Treatment::Hold;
            let next = queue.next().filter(|_| !holds);
            let is_due = next.is_some_and(|next| next <= Instant::now() + ROUNDING);
            let may_read = !ended && !holds && queue.bytes < ROOM;
            tokio::select! {
                biased;
                changed = self.conditions.changed() => {
                    if changed.is_err() {
                        return Err(io::ErrorKind::ConnectionAborted.into());
                    }
                    treatment = self.conditions.borrow_and_update().of(self.number);
                    if treatment == Treatment::Pass {
                        queue.hurry();
                    }
                }
                writable = self.to.writable(), if is_due => {
                    writable?;
                    let written = queue.write(self.to, treatment)?;
                    self.passed.fetch_add(written as u64, Ordering::Relaxed);
                }
                () = sleep_until(next.map_or_else(Instant::now, |next| next - ROUNDING)), if next.is_some() && !is_due => {}
                readable = self.from.readable(), if may_read => {
                    readable?;
                    let mut bytes = Vec::with_capacity(read_size);
                    match self.from.try_read_buf(&mut bytes) {
                        Ok(0) => ended = true,
                        Ok(count) => {
                            read_size = next_size(read_size, count);
                            let is_first = queue.pieces.is_empty();
                            queue.push(bytes, treatment, &mut self.random);
                            if is_first && treatment == Treatment::Pass {
                                let written = queue.write(self.to, treatment)?;
                                self.passed.fetch_add(written as u64, Ordering::Relaxed);
                            }
                        }
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                        Err(error) => return Err(error),
                    }
                }
            }
        }
    }
}

impl Queue {
    fn push(&mut self, bytes: Vec<u8>, treatment: Treatment, random: &mut fastrand::Rng) {
        let mut due = Instant::now();
        if let Treatment::Slow { latency, jitter, .. } = treatment {
            // Evenly from latency − jitter to latency + jitter.
            due += latency.saturating_sub(jitter) + (jitter * 2).mul_f64(random.f64());
        }
        due = self.last_due.map_or(due, |last| due.max(last));
        self.last_due = Some(due);
        self.bytes += bytes.len();
        self.pieces.push_back(Piece { due, bytes, written: 0 });
    }

    /// When the next bytes may be written.
    fn next(&self) -> Option<Instant> {
        let due = self.pieces.front()?.due;
        Some(self.busy_until.map_or(due, |busy| due.max(busy)))
    }

    /// Lets everything go at once: the fault is over.
    fn hurry(&mut self) {
        let now = Instant::now();
        self.pieces.iter_mut().for_each(|piece| piece.due = piece.due.min(now));
        (self.last_due, self.busy_until) = (None, None);
    }

    /// Writes of the first piece as much as goes; gives how much that was.
    fn write(&mut self, to: &OwnedWriteHalf, treatment: Treatment) -> io::Result<usize> {
        let Some(piece) = self.pieces.front_mut() else { return Ok(0) };
        let left = piece.bytes.get(piece.written..).unwrap_or_default();
        let bandwidth = match treatment {
            Treatment::Slow { bandwidth, .. } => bandwidth,
            _ => None,
        };
        let most = bandwidth.map_or(left.len(), |bandwidth| {
            let slice = (bandwidth / SLICES_PER_SECOND).max(1);
            left.len().min(usize::try_from(slice).unwrap_or(usize::MAX))
        });
        let written = match to.try_write(left.get(..most).unwrap_or_default()) {
            Ok(written) => written,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(0),
            Err(error) => return Err(error),
        };
        piece.written += written;
        self.bytes -= written;
        if piece.written == piece.bytes.len() {
            self.pieces.pop_front();
        }
        if let Some(bandwidth) = bandwidth {
            let now = Instant::now();
            let taken = Duration::from_secs_f64(written as f64 / bandwidth as f64);
            self.busy_until = Some(self.busy_until.map_or(now, |busy| busy.max(now - ROUNDING * 4)) + taken);
        }
        Ok(written)
    }
}

/// How much to read next, after `count` bytes filled a buffer of `size` or did not.
fn next_size(size: usize, count: usize) -> usize {
    if count == size {
        (size * 2).min(MOST_READ)
    } else if count < size / 4 {
        (size / 2).max(LEAST_READ)
    } else {
        size
    }
}
