//! Text output without terminal control characters.

use std::io::{self, Write};

/// A writer that replaces terminal control characters, except for line breaks and tabs.
pub(crate) struct Plain<'a>(pub(crate) &'a mut dyn Write);

impl Write for Plain<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // This program writes whole characters; other bytes are shown as well as possible.
        let text = String::from_utf8_lossy(bytes);
        for piece in text.split_inclusive(['\n', '\t']) {
            let (words, end) = match piece.char_indices().last() {
                Some((at, '\n' | '\t')) => piece.split_at(at),
                _ => (piece, ""),
            };
            self.0.write_all(slo_core::plain(words).as_bytes())?;
            self.0.write_all(end.as_bytes())?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stay_and_escapes_do_not() {
        let mut out = Vec::new();
        write!(Plain(&mut out), "a\x1b[31m\tb\n\n\u{202e}é\r").unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "a\u{fffd}[31m\tb\n\n\u{fffd}é\u{fffd}");
    }
}
