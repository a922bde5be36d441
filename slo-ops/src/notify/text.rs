//! Text, cut to an allowed length.

use slo_core::plain;
use std::borrow::Cow;

/// The mark in place of text that was cut off.
const CUT: char = '…';

/// `text`, cut to at most `most` characters; the mark of a cut is `…`.
///
/// Characters are counted as in UTF-16, where some count twice, so that the text fits however the receiver
/// counts.
///
/// ```
/// use slo_ops::notify::cut;
///
/// assert_eq!(cut("checkout", 8), "checkout");
/// assert_eq!(cut("checkout", 6), "check…");
/// assert_eq!(cut("🔥🔥🔥", 5), "🔥🔥…");
/// ```
#[must_use]
pub fn cut(text: &str, most: usize) -> Cow<'_, str> {
    match end_within(text, most, char::len_utf16) {
        None => Cow::Borrowed(text),
        Some(end) => Cow::Owned(format!("{}{CUT}", text.get(..end).unwrap_or_default())),
    }
}

/// Where to cut `text` so that the part before and `…` have at most `most` units; `None` if all of it fits.
fn end_within(text: &str, most: usize, units: impl Fn(char) -> usize) -> Option<usize> {
    let (mut used, mut end) = (0, 0);
    for (index, character) in text.char_indices() {
        // The last place that leaves room for the mark.
        if used < most {
            end = index;
        }
        used += units(character);
        if used > most {
            return Some(end);
        }
    }
    None
}

/// `text` as literal text for Slack's `mrkdwn`, cut to at most `most` characters.
///
/// `&`, `<` and `>` are escaped, so that the text cannot mention anybody or link anything. Control characters
/// are replaced; line breaks stay.
///
/// ```
/// use slo_ops::notify::slack_text;
///
/// assert_eq!(slack_text("<!channel> a && b", 50), "&lt;!channel&gt; a &amp;&amp; b");
/// assert_eq!(slack_text("<<<<", 10), "&lt;&lt;…"); // never half an escape
/// ```
#[must_use]
pub fn slack_text(text: &str, most: usize) -> String {
    let text = lines_plain(text);
    let escaped = |character: char| match character {
        '&' => 5,
        '<' | '>' => 4,
        other => other.len_utf16(),
    };
    let (shown, mark) = match end_within(&text, most, escaped) {
        None => (text.as_ref(), None),
        Some(end) => (text.get(..end).unwrap_or_default(), Some(CUT)),
    };
    let mut out = String::with_capacity(shown.len() + 8);
    for character in shown.chars().chain(mark) {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            other => out.push(other),
        }
    }
    out
}

/// Each line as [`plain`] text.
pub(super) fn lines_plain(text: &str) -> Cow<'_, str> {
    if text.contains('\n') {
        Cow::Owned(text.lines().map(plain).collect::<Vec<_>>().join("\n"))
    } else {
        plain(text)
    }
}

/// Whether `url` is a web link that is safe to show: not too long, and without characters that would end it.
pub(super) fn is_web_link(url: &str) -> bool {
    let is_text = |character: char| character.is_ascii_graphic() && !"\"'<>\\^`{|}".contains(character);
    (url.starts_with("https://") || url.starts_with("http://"))
        && url.len() <= LONGEST_LINK
        && url.chars().all(is_text)
}

/// The longest link that Slack and `PagerDuty` accept.
const LONGEST_LINK: usize = 2_000;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn is_never_longer_than_asked(text in "\\PC{0,60}|[<>&🔥é]{0,60}", most in 1_usize..80) {
            let short = cut(&text, most);
            prop_assert!(short.encode_utf16().count() <= most);
            prop_assert!(text.encode_utf16().count() > most || short == text);
            let escaped = slack_text(&text, most);
            prop_assert!(escaped.encode_utf16().count() <= most, "{escaped}");
            let unescaped = escaped.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
            let unescaped = unescaped.strip_suffix('…').unwrap_or(&unescaped);
            prop_assert!(lines_plain(&text).starts_with(unescaped), "{escaped}");
        }
    }
}
