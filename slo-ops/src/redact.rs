//! Redaction: secrets are removed from text before it leaves the process.

use regex::{Captures, Regex, RegexSet};
use serde_json::Value;
use slo_core::Error;
use std::{borrow::Cow, fmt, sync::LazyLock};

/// The text in place of a secret.
const REDACTED: &str = "[redacted]";
/// How it begins. The patterns for values stop before the bracket that closes it.
const REDACTED_OPEN: &str = "[redacted";

/// Names of fields and options that hold secrets.
macro_rules! names {
    () => {
        "password|passwd|secret|token|api[_-]?key|routing[_-]?key|access[_-]?key"
    };
}

/// The pattern of a value with the name of a secret: `$value` closes the group `keep` and matches the value.
macro_rules! named {
    ($value:literal) => {
        concat!(
            r#"(?i)(?P<keep>["']?(?-u:\b)[a-z0-9_.-]*(?:"#,
            names!(),
            r#")(?-u:\b)["']?\s*[=:]\s*"#,
            $value
        )
    };
}

/// The patterns of secrets. Text in a group named `keep` is kept. Word boundaries are those of ASCII, which
/// keeps the search fast in any text.
const PATTERNS: [&str; 12] = [
    r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\z)",
    r"(?i)(?P<keep>(?-u:\b)(?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{8,}",
    r"(?-u:\b)(?:AKIA|ASIA)[0-9A-Z]{16}(?-u:\b)",
    // A JSON Web Token.
    r"(?-u:\b)eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*",
    r"(?-u:\b)xox[a-z]-[A-Za-z0-9-]{8,}",
    r"(?P<keep>https?://hooks\.slack\.com/(?:services|workflows)/)[A-Za-z0-9/_-]+",
    r"(?-u:\b)gh[pousr]_[A-Za-z0-9]{20,}",
    // A URL with a user and a password.
    r"(?P<keep>(?-u:\b)[a-zA-Z][a-zA-Z0-9+.-]*://[^\s/@:]*:)[^\s/@]+@",
    // Values in double quotes, in single quotes, and without quotes.
    named!(r#"")(?:[^"\\\n]|\\.)+"#),
    named!(r"')[^'\n]+"),
    named!(r#")[^\s"'&,;}\]]+"#),
    // An option and its value.
    concat!(r"(?i)(?P<keep>(?:^|\s)--?[a-z0-9_-]*(?:", names!(), r")\s+)[^\s-]\S*"),
];

static KNOWN: LazyLock<Vec<Regex>> =
    // They are constants, and a test compiles each of them.
    LazyLock::new(|| PATTERNS.iter().filter_map(|pattern| Regex::new(pattern).ok()).collect());
/// Matches the name of a secret.
static IS_NAMED: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(concat!("(?i)(?:", names!(), ")$")).ok());
/// Finds out in one pass whether any pattern matches.
static ANY: LazyLock<Option<RegexSet>> = LazyLock::new(|| RegexSet::new(PATTERNS).ok());

/// Removes secrets from text: the given ones, and text that looks like a secret.
///
/// It recognizes bearer and basic credentials, private keys in PEM, AWS keys, Slack and GitHub tokens, JSON
/// Web Tokens, passwords in URLs, and values of `password=`, `secret:`, `token=`, `api_key=` and similar
/// names.
///
/// ```
/// use slo_ops::Redactor;
///
/// let redactor = Redactor::new(["hunter2!"], [r"order-\d+"])?;
/// assert_eq!(redactor.redact("Authorization: Bearer abcdefgh1234"), "Authorization: Bearer [redacted]");
/// assert_eq!(redactor.redact("postgres://slo:pa55@db/slo"), "postgres://slo:[redacted]@db/slo");
/// assert_eq!(redactor.redact("it says hunter2! of order-17"), "it says [redacted] of [redacted]");
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Redactor {
    secrets: Vec<String>,
    patterns: Vec<Regex>,
}

impl fmt::Debug for Redactor {
    /// Without the secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redactor({} secrets, {} patterns)", self.secrets.len(), self.patterns.len())
    }
}

/// Shorter secrets are ignored, since ordinary words would match.
const SHORTEST_SECRET: usize = 6;

impl Redactor {
    /// A redactor that also removes `secrets` and the matches of `patterns`.
    ///
    /// Secrets of fewer than six bytes are ignored, since ordinary words would match.
    ///
    /// # Errors
    /// A pattern that is not a regular expression, or that matches empty text.
    pub fn new(
        secrets: impl IntoIterator<Item = impl Into<String>>,
        patterns: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Result<Self, Error> {
        let mut secrets: Vec<String> = secrets
            .into_iter()
            .map(Into::into)
            .filter(|secret: &String| secret.len() >= SHORTEST_SECRET)
            .collect();
        // The longest first, since a secret may contain another.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        let patterns = patterns.into_iter().map(|pattern| {
            let pattern = pattern.as_ref();
            let regex = Regex::new(pattern).map_err(|_| {
                Error::new(format!("`{pattern}` is not a regular expression"))
                    .with_hint("write it in the syntax of the crate `regex`, without look-around")
            })?;
            if regex.is_match("") {
                return Err(Error::new(format!("`{pattern}` matches empty text")));
            }
            Ok(regex)
        });
        Ok(Self { secrets, patterns: patterns.collect::<Result<_, _>>()? })
    }

    /// Removes secrets from every text in `json`.
    ///
    /// A text is also removed if its field has the name of a secret, such as `password`.
    ///
    /// ```
    /// let mut json = serde_json::json!({"labels": {"password": "hunter22", "note": "Bearer abcdefgh1234"}, "n": 1});
    /// slo_ops::Redactor::default().redact_json(&mut json);
    /// assert_eq!(json["labels"]["password"], "[redacted]");
    /// assert_eq!(json["labels"]["note"], "Bearer [redacted]");
    /// ```
    pub fn redact_json(&self, json: &mut Value) {
        match json {
            Value::String(text) => *text = self.redact(text).into_owned(),
            Value::Array(items) => items.iter_mut().for_each(|item| self.redact_json(item)),
            Value::Object(fields) => {
                for (name, value) in fields.iter_mut() {
                    if value.is_string() && IS_NAMED.as_ref().is_some_and(|named| named.is_match(name)) {
                        *value = REDACTED.into();
                    } else {
                        self.redact_json(value);
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// The text without secrets.
    #[must_use]
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut out = Cow::Borrowed(text);
        for secret in &self.secrets {
            if out.contains(secret.as_str()) {
                out = Cow::Owned(out.replace(secret.as_str(), REDACTED));
            }
        }
        if ANY.as_ref().is_none_or(|any| any.is_match(&out)) {
            for pattern in KNOWN.iter() {
                out = replaced(pattern, out);
            }
        }
        self.patterns.iter().fold(out, |out, pattern| replaced(pattern, out))
    }
}

fn replaced<'a>(pattern: &Regex, text: Cow<'a, str>) -> Cow<'a, str> {
    if !pattern.is_match(&text) {
        return text;
    }
    let replaced = pattern.replace_all(&text, |found: &Captures<'_>| {
        let keep = found.name("keep").map_or("", |keep| keep.as_str());
        let all = found.get(0).map_or("", |all| all.as_str());
        // It is redacted already.
        if all.get(keep.len()..).is_some_and(|value| value.starts_with(REDACTED_OPEN)) {
            return all.to_owned();
        }
        let at = if all.ends_with('@') { "@" } else { "" };
        format!("{keep}{REDACTED}{at}")
    });
    Cow::Owned(replaced.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_is_one() {
        assert_eq!(KNOWN.len(), PATTERNS.len());
        assert!(ANY.is_some() && IS_NAMED.is_some());
    }

    #[test]
    fn takes_out_what_looks_like_a_secret() {
        let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl";
        let pem = "-----BEGIN RSA PRIVATE KEY-----\nMIIB\nabc\n-----END RSA PRIVATE KEY-----";
        let cases = [
            ("key AKIAIOSFODNN7EXAMPLE!", "key [redacted]!"),
            ("{\"password\": \"pa \\\"ss\", \"a\": 1}", "{\"password\": \"[redacted]\", \"a\": 1}"),
            ("secret='it is long' and on", "secret='[redacted]' and on"),
            ("DB_PASSWORD=abc&x=1", "DB_PASSWORD=[redacted]&x=1"),
            ("api-key: 12345", "api-key: [redacted]"),
            ("api-key: [redacted]", "api-key: [redacted]"),
            ("DB_PASSWORD=[x9kqq", "DB_PASSWORD=[redacted]"),
            ("login --password hunter2 --force", "login --password [redacted] --force"),
            ("https://hooks.slack.com/services/T0/B0/xyz", "https://hooks.slack.com/services/[redacted]"),
            ("xoxb-123456789-abc", "[redacted]"),
            ("password reset was asked for", "password reset was asked for"),
            ("the token bucket is full", "the token bucket is full"),
        ];
        let redactor = Redactor::default();
        for (text, expected) in cases {
            assert_eq!(redactor.redact(text), expected);
        }
        assert_eq!(redactor.redact(&format!("a {jwt} b")), "a [redacted] b");
        assert_eq!(redactor.redact(&format!("a {pem} b")), "a [redacted] b");
        let cut = pem.split_at(40).0;
        assert_eq!(redactor.redact(cut), "[redacted]");
    }

    #[test]
    fn refuses_what_finds_nothing() {
        assert!(Redactor::new([""; 0], ["("]).is_err());
        assert!(Redactor::new([""; 0], ["x*"]).is_err());
    }
}
