//! Lines for people, in which nothing is a terminal's command.

use std::io::{self, Write};

/// A writer that shows what a terminal would obey; lines and tabs stay.
pub(crate) struct Plain<'a>(pub(crate) &'a mut dyn Write);

impl Write for Plain<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // What is written in pieces of a character is not of ours, and is shown as it can be.
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
