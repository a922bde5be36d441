//! The output of a program.

use sha2::{Digest, Sha256};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncRead, AsyncReadExt};

/// How much of each stream is kept.
const KEPT: usize = 64 * 1024;

/// The output of a stream so far: its beginning, and a hash of all of it.
#[derive(Clone, Default)]
pub(super) struct Stream {
    kept: Vec<u8>,
    pub(super) cut: bool,
    pub(super) hash: Sha256,
}

impl Stream {
    /// Reads a stream to its end, into a shared value.
    pub(super) async fn read(stream: Option<impl AsyncRead + Unpin>, into: Arc<Mutex<Self>>) {
        let Some(mut stream) = stream else { return };
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(read @ 1..) = stream.read(&mut buffer).await {
            let part = buffer.get(..read).unwrap_or_default();
            let mut own = into.lock().unwrap_or_else(PoisonError::into_inner);
            own.hash.update(part);
            let room = KEPT - own.kept.len();
            own.cut |= part.len() > room;
            own.kept.extend_from_slice(part.get(..room).unwrap_or(part));
        }
    }

    /// As text, cut at a character.
    pub(super) fn text(&self) -> String {
        match std::str::from_utf8(&self.kept) {
            Ok(text) => text.to_owned(),
            // Only the last character is not whole.
            Err(error) if self.cut && error.error_len().is_none() => {
                let whole = self.kept.get(..error.valid_up_to()).unwrap_or_default();
                String::from_utf8_lossy(whole).into_owned()
            }
            Err(_) => String::from_utf8_lossy(&self.kept).into_owned(),
        }
    }
}
