//! Untrusted text, made safe to show.

use std::borrow::Cow;

/// `text` made safe to show on one line.
///
/// Control characters, escapes and characters that change the writing direction become `\u{fffd}`.
///
/// ```
/// assert_eq!(slo_core::plain("a\u{1b}[31mb\n"), "a\u{fffd}[31mb\u{fffd}");
/// assert_eq!(slo_core::plain("é 日本"), "é 日本");
/// ```
#[must_use]
pub fn plain(text: &str) -> Cow<'_, str> {
    if text.contains(is_obeyed) {
        Cow::Owned(text.replace(is_obeyed, "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// Whether a character controls the terminal or the text direction instead of being shown.
fn is_obeyed(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'
                | '\u{2029}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}'
        )
}
