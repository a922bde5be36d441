//! Masks: the parts of a message that vary from line to line, replaced by words that say what they are.

/// Writes `message` to `out`, with a word in place of each number, address, id, path and time.
///
/// | in the message | in its place |
/// |---|---|
/// | `42`, `-1.5`, `12ms`, `3.5GB`, `45%`, `1m30s` | `<num>` |
/// | `10.0.0.7:443`, `10.0.0.0/8`, `fe80::1` | `<ip>` |
/// | `0x1f`, hexadecimal text of 8 digits or more | `<hex>` |
/// | a UUID, a MAC address, `7d9f8b6c5` in a name | `<id>` |
/// | `2026-12-01T10:00:00Z`, `2026-12-01`, `10:00:00.123` | `<time>` |
/// | `/var/log/app.log`, `C:\Windows` | `<path>` |
/// | `https://example.com/a?b=c` | `<url>` |
/// | `ann@example.com` | `<email>` |
/// | `worker-17`, `blk_-1608`, `node3.example.com` | `worker-<num>`, `blk_<num>`, `node<num>.example.com` |
///
/// ```
/// use slo_ops::logs::mask;
///
/// let mut masked = String::new();
/// mask("GET /api/cart/17 from 10.0.0.7:5132 took 12ms (attempt 2)", &mut masked);
/// assert_eq!(masked, "GET <path> from <ip> took <num> (attempt <num>)");
/// ```
pub fn mask(message: &str, out: &mut String) {
    let bytes = message.as_bytes();
    let mut start = 0;
    while let Some(&first) = bytes.get(start) {
        let class = class(first);
        let mut end = start + 1;
        let mut seen = class;
        if class & PART == 0 {
            while bytes.get(end).is_some_and(|byte| self::class(*byte) & PART == 0) {
                end += 1;
            }
        } else {
            while let Some(byte) =
                bytes.get(end).map(|byte| self::class(*byte)).filter(|class| class & PART != 0)
            {
                seen |= byte;
                end += 1;
            }
        }
        // Both ends are next to ASCII, so they are ends of characters.
        let mut piece = message.get(start..end).unwrap_or_default();
        if seen & MARK != 0 {
            if seen & SLASH != 0 && is_url(piece) {
                let rest = message.get(end..).unwrap_or_default();
                end += rest.find(ends_url).unwrap_or(rest.len());
                piece = message.get(start..end).unwrap_or_default();
            }
            masked(piece, out);
        } else {
            out.push_str(piece);
        }
        start = end;
    }
}

/// A byte that a piece is made of; all others separate pieces.
const PART: u8 = 1;
/// A byte without which there is nothing to mask.
const MARK: u8 = 2;
const SLASH: u8 = 4;

const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0_u8;
    loop {
        #[expect(clippy::indexing_slicing, reason = "every byte has a class")]
        let class = &mut classes[byte as usize];
        *class = match byte {
            b'0'..=b'9' | b'@' => PART | MARK,
            b'/' | b'\\' => PART | MARK | SLASH,
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'.' | b'-' | b':' | b'+' | b'%' | b'~' | 0x80.. => PART,
            _ => 0,
        };
        if byte == 255 {
            break;
        }
        byte += 1;
    }
    classes
};

#[expect(clippy::indexing_slicing, reason = "every byte has its class")]
const fn class(byte: u8) -> u8 {
    CLASSES[byte as usize]
}

fn is_url(piece: &str) -> bool {
    piece.find("://").is_some_and(|at| {
        at > 0 && piece.bytes().take(at).all(|byte| byte.is_ascii_alphanumeric() || byte == b'+')
    })
}

fn ends_url(character: char) -> bool {
    character.is_whitespace() || "\"')]>}|`\u{1c}\u{1d}\u{1e}\u{1f}".contains(character)
}

/// Writes a piece that has a digit, a slash or an at sign.
fn masked(piece: &str, out: &mut String) {
    let core = piece.trim_end_matches(['.', ':', '-', '%']);
    // A percentage is a number with its sign.
    let core = if piece.get(core.len()..).is_some_and(|end| end.starts_with('%')) {
        piece.get(..=core.len()).unwrap_or(core)
    } else {
        core
    };
    let after = piece.get(core.len()..).unwrap_or_default();
    match word(core) {
        Some(word) => out.push_str(word),
        None => pieces(core, out),
    }
    out.push_str(after);
}

/// The word for a piece that is one value as a whole.
fn word(piece: &str) -> Option<&'static str> {
    let bytes = piece.as_bytes();
    let first = *bytes.first()?;
    if first.is_ascii_digit() {
        if is_number(bytes) && !is_hex(bytes) {
            return Some("<num>");
        }
        if is_time(bytes) {
            return Some("<time>");
        }
        if is_ipv4(piece) {
            return Some("<ip>");
        }
    }
    if matches!(first, b'-' | b'+' | b'.')
        && bytes.get(1..).is_some_and(|rest| rest.first().is_some_and(u8::is_ascii_digit) && is_number(rest))
    {
        return Some("<num>");
    }
    if is_url(piece) {
        return Some("<url>");
    }
    if is_path(bytes) {
        return Some("<path>");
    }
    if first == b'0'
        && matches!(bytes.get(1), Some(b'x' | b'X'))
        && bytes.len() > 2
        && bytes.iter().skip(2).all(u8::is_ascii_hexdigit)
    {
        return Some("<hex>");
    }
    if is_hex(bytes) {
        return Some("<hex>");
    }
    if is_uuid(bytes) || is_mac(bytes) {
        return Some("<id>");
    }
    if is_ipv6(bytes) {
        return Some("<ip>");
    }
    is_email(piece).then_some("<email>")
}

/// Digits with a point or a unit: `42`, `1.5`, `12ms`, `1h30m`, `45%`, `1e-5`.
fn is_number(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while rest.first().is_some_and(u8::is_ascii_digit) {
        rest = skip(rest, |byte| byte.is_ascii_digit());
        if let Some((b'.', after)) = rest.split_first()
            && after.first().is_some_and(u8::is_ascii_digit)
        {
            rest = skip(after, |byte| byte.is_ascii_digit());
        }
        if let [b'e' | b'E', b'+' | b'-', after @ ..] = rest {
            rest = skip(after, |byte| byte.is_ascii_digit());
        }
        let unit = rest.len() - skip(rest, |byte| byte.is_ascii_alphabetic() || byte >= 0x80).len();
        if unit > 3 {
            return false;
        }
        let (unit_name, after) = rest.split_at_checked(unit).unwrap_or((rest, &[]));
        rest = after;
        if rest == b"%" {
            return true;
        }
        // Another number follows only after a unit of time: `1h30m`.
        if !matches!(unit_name, b"d" | b"h" | b"m" | b"s" | b"ms" | b"us" | b"\xc2\xb5s" | b"ns") {
            break;
        }
    }
    rest.is_empty() || matches!(rest, b"/s" | b"/sec" | b"/min" | b"/h")
}

fn skip(bytes: &[u8], which: impl Fn(u8) -> bool) -> &[u8] {
    let count = bytes.iter().take_while(|byte| which(**byte)).count();
    bytes.get(count..).unwrap_or_default()
}

/// `2026-12-01`, `2026/12/01`, `01/12/2026`, `10:00`, `10:00:00,123`, `2026-12-01T10:00:00.5Z`.
fn is_time(bytes: &[u8]) -> bool {
    let date = date(bytes);
    let rest = bytes.get(date..).unwrap_or_default();
    if rest.is_empty() {
        return true;
    }
    let rest = match rest.split_first() {
        Some((b'T' | b't' | b':' | b'_' | b'-', rest)) if date > 0 => rest,
        _ if date > 0 => return false,
        _ => rest,
    };
    let [h1, h2, b':', m1, m2, rest @ ..] = rest else {
        return matches!(rest, [h, b':', m1, m2, b':', s1, s2] if [h, m1, m2, s1, s2].into_iter().all(u8::is_ascii_digit));
    };
    if ![h1, h2, m1, m2].into_iter().all(u8::is_ascii_digit) {
        return false;
    }
    let rest = match rest {
        [b':', s1, s2, rest @ ..] if s1.is_ascii_digit() && s2.is_ascii_digit() => rest,
        _ => rest,
    };
    let rest = match rest.split_first() {
        Some((b'.' | b':', after)) if after.first().is_some_and(u8::is_ascii_digit) => {
            skip(after, |byte| byte.is_ascii_digit())
        }
        _ => rest,
    };
    match rest {
        [] | [b'Z' | b'z'] => true,
        [b'+' | b'-', offset @ ..] => {
            matches!(offset.len(), 2 | 4 | 5)
                && offset.iter().all(|byte| byte.is_ascii_digit() || *byte == b':')
        }
        _ => false,
    }
}

/// The length of a date at the beginning; 0 if there is none.
fn date(bytes: &[u8]) -> usize {
    let shape = |shape: &[u8]| {
        let fits = |(want, byte): (&u8, &u8)| {
            if *want == b'0' {
                byte.is_ascii_digit()
            } else {
                matches!(want, b'-') && matches!(byte, b'-' | b'/' | b'.')
            }
        };
        bytes.len() >= shape.len() && shape.iter().zip(bytes).all(fits)
    };
    if shape(b"0000-00-00") || shape(b"00-00-0000") { 10 } else { 0 }
}

/// Four numbers below 256, with a port or the length of a prefix.
fn is_ipv4(piece: &str) -> bool {
    let mut parts = piece.splitn(4, '.');
    let is_byte = |part: &str| part.len() <= 3 && part.parse::<u8>().is_ok();
    if !(0..3).all(|_| parts.next().is_some_and(is_byte)) {
        return false;
    }
    let Some(last) = parts.next() else { return false };
    let (last, after) = last
        .find([':', '/'])
        .map_or((last, None), |at| (last.get(..at).unwrap_or_default(), last.get(at + 1..)));
    is_byte(last)
        && after.is_none_or(|after| !after.is_empty() && after.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Hexadecimal digits with two colons or more.
fn is_ipv6(bytes: &[u8]) -> bool {
    let colons = memchr::memchr_iter(b':', bytes).count();
    let digits = bytes.iter().any(u8::is_ascii_hexdigit);
    (2..=7).contains(&colons)
        && digits
        && bytes.iter().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.' | b'%'))
}

/// At least 8 hexadecimal digits, of which one is a letter and one is not.
fn is_hex(bytes: &[u8]) -> bool {
    bytes.len() >= 8
        && bytes.iter().all(u8::is_ascii_hexdigit)
        && bytes.iter().any(u8::is_ascii_digit)
        && bytes.iter().any(u8::is_ascii_alphabetic)
}

fn is_uuid(bytes: &[u8]) -> bool {
    bytes.len() == 36
        && bytes.iter().enumerate().all(|(at, byte)| {
            if matches!(at, 8 | 13 | 18 | 23) { *byte == b'-' } else { byte.is_ascii_hexdigit() }
        })
}

fn is_mac(bytes: &[u8]) -> bool {
    bytes.len() == 17
        && bytes.iter().enumerate().all(|(at, byte)| {
            if at % 3 == 2 { *byte == b':' || *byte == b'-' } else { byte.is_ascii_hexdigit() }
        })
}

fn is_path(bytes: &[u8]) -> bool {
    match bytes {
        [b'/', next, ..] | [b'.' | b'~', b'/', next, ..] | [b'.', b'.', b'/', next, ..] => *next != b'/',
        [drive, b':', b'\\', ..] => drive.is_ascii_alphabetic(),
        _ => false,
    }
}

fn is_email(piece: &str) -> bool {
    piece.split_once('@').is_some_and(|(name, host)| {
        let host = host.as_bytes();
        !name.is_empty()
            && host.contains(&b'.')
            && host.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
            && host.iter().any(u8::is_ascii_alphabetic)
    })
}

/// Writes a piece of several parts, with a word in place of those that vary.
fn pieces(piece: &str, out: &mut String) {
    let bytes = piece.as_bytes();
    let mut start = 0;
    while let Some(first) = bytes.get(start) {
        let is_joint = |byte: &u8| !(byte.is_ascii_alphanumeric() || *byte >= 0x80);
        let joint = is_joint(first);
        let count = bytes.iter().skip(start).take_while(|byte| is_joint(byte) == joint).count();
        let end = start + count;
        let part = piece.get(start..end).unwrap_or_default();
        start = end;
        if joint {
            // The sign of a number that follows: `blk_-17`.
            let sign =
                part.len() > 1 && part.ends_with('-') && bytes.get(end).is_some_and(u8::is_ascii_digit);
            out.push_str(if sign { part.get(..part.len() - 1).unwrap_or(part) } else { part });
        } else {
            segment(part, out);
        }
    }
}

/// Writes letters and digits.
fn segment(part: &str, out: &mut String) {
    let bytes = part.as_bytes();
    if !bytes.iter().any(u8::is_ascii_digit) {
        return out.push_str(part);
    }
    if is_hex(bytes) {
        return out.push_str("<hex>");
    }
    let changes = bytes
        .windows(2)
        .filter(|pair| matches!(pair, [a, b] if a.is_ascii_digit() != b.is_ascii_digit()))
        .count();
    if changes > 2 && bytes.len() >= 5 {
        return out.push_str("<id>");
    }
    let mut in_number = false;
    for character in part.chars() {
        if !character.is_ascii_digit() {
            out.push(character);
        } else if !in_number {
            out.push_str("<num>");
        }
        in_number = character.is_ascii_digit();
    }
}

#[cfg(test)]
mod tests {
    use super::mask;

    fn check(message: &str, expected: &str) {
        let mut out = String::new();
        mask(message, &mut out);
        assert_eq!(out, expected, "of {message}");
    }

    #[test]
    fn numbers() {
        check("took 42 of 1.5 and -3", "took <num> of <num> and <num>");
        check("12ms 3.5GB 45% 1m30s 1e-5 10/s", "<num> <num> <num> <num> <num> <num>");
        check("at 5. Then 6: 7", "at <num>. Then <num>: <num>");
        check("code=500, retry=(2)", "code=<num>, retry=(<num>)");
        check("version 1.2.3", "version <num>.<num>.<num>");
        check("no numbers, nothing-changes_here a.b", "no numbers, nothing-changes_here a.b");
    }

    #[test]
    fn addresses() {
        check("10.0.0.7 10.0.0.7:443 10.0.0.0/8", "<ip> <ip> <ip>");
        check("fe80::1 [2001:db8::2]:80 ::1", "<ip> [<ip>]:<num> <ip>");
        check("ann@example.com user@1f2e3d4c", "<email> user@<hex>");
        check("see https://example.com/a?b=c&d=1 now", "see <url> now");
        check("1.2.3.400", "<num>.<num>.<num>.<num>");
    }

    #[test]
    fn ids() {
        check("0x7ffe 00112233aa DEADBEEF01 deadbeef", "<hex> <hex> <hex> deadbeef");
        check("123e4567-e89b-12d3-a456-426614174000", "<id>");
        check("00:1b:44:11:3a:b7", "<id>");
        check(
            "blk_-1608999687919862906 worker-17 node3.example.com",
            "blk_<num> worker-<num> node<num>.example.com",
        );
        check("checkout-7d9f8b6c5-x2k4p", "checkout-<hex>-<id>");
        check("HTTP/1.1", "HTTP/<num>.<num>");
    }

    #[test]
    fn times_and_paths() {
        check("2026-12-01T10:00:00.5Z 2026-12-01 10:00:00 10:00", "<time> <time> <time> <time>");
        check("2026-12-01T10:00:00+01:00", "<time>");
        check("/var/log/a.log ./x ../y ~/z C:\\Windows\\x", "<path> <path> <path> <path> <path>");
        check("and/or a/b / //", "and/or a/b / //");
        check("open(\"/etc/passwd\")", "open(\"<path>\")");
    }

    #[test]
    fn text_that_is_not_ascii() {
        check("Größe 12µs für müller7", "Größe <num> für müller<num>");
        check("", "");
        check("日本語 5個", "日本語 <num>");
    }

    proptest::proptest! {
        #[test]
        fn no_digit_is_left(message in "[a-z0-9 .:/@<>=_%,-]{0,40}") {
            let mut out = String::new();
            mask(&message, &mut out);
            proptest::prop_assert!(!out.contains(|character: char| character.is_ascii_digit()), "{}", out);
        }

        #[test]
        fn any_text(message in ".{0,60}") {
            let mut out = String::new();
            mask(&message, &mut out);
            proptest::prop_assert_eq!(message.split_whitespace().count(), out.split_whitespace().count());
        }
    }
}
