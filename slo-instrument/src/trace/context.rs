//! W3C trace context: which trace a request belongs to.

use http::{HeaderMap, HeaderValue};
use std::{cell::Cell, fmt::Write};

/// The identity of a request in a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    trace_id: [u64; 2],
    span_id: u64,
    sampled: bool,
}

const HEADER: &str = "traceparent";

thread_local! {
    static CURRENT: Cell<Option<TraceContext>> = const { Cell::new(None) };
}

impl TraceContext {
    /// The request that is being worked on, for logs: in its handler, where no task was spawned in between.
    #[must_use]
    pub fn current() -> Option<Self> {
        CURRENT.get()
    }

    /// The root of a trace of its own.
    pub(crate) fn root(sampled: bool) -> Self {
        let id = || fastrand::u64(1..);
        Self { trace_id: [id(), id()], span_id: id(), sampled }
    }

    /// A span below this one.
    pub(crate) fn child(self) -> Self {
        Self { span_id: fastrand::u64(1..), ..self }
    }

    /// What the header `traceparent` says, where it says something that is valid.
    ///
    /// ```
    /// use http::{HeaderMap, HeaderValue};
    /// use slo_instrument::TraceContext;
    ///
    /// let mut headers = HeaderMap::new();
    /// let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    /// headers.insert("traceparent", HeaderValue::from_static(parent));
    /// let context = TraceContext::of(&headers).unwrap();
    /// assert_eq!(context.trace_id(), "0af7651916cd43dd8448eb211c80319c");
    /// assert!(context.is_sampled());
    /// ```
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(HEADER).iter();
        let (value, None) = (values.next()?, values.next()) else { return None };
        Self::parse(value.as_bytes())
    }

    /// W3C Trace Context, section 3.2: `00-<32 hex>-<16 hex>-<2 hex>`; later versions may go on after that.
    fn parse(text: &[u8]) -> Option<Self> {
        let (version, rest) = (hex(text.get(..2)?)?, text.get(55..)?);
        let is_known = match version {
            0 => rest.is_empty(),
            0xff => false,
            _ => rest.first().is_none_or(|byte| *byte == b'-'),
        };
        let dashes = [2, 35, 52].into_iter().all(|position| text.get(position) == Some(&b'-'));
        let trace_id = [hex(text.get(3..19)?)?, hex(text.get(19..35)?)?];
        let (span_id, flags) = (hex(text.get(36..52)?)?, hex(text.get(53..55)?)?);
        let is_valid = is_known && dashes && trace_id != [0, 0] && span_id != 0;
        is_valid.then_some(Self { trace_id, span_id, sampled: flags & 1 == 1 })
    }

    /// Passes the context on in `headers`.
    pub(crate) fn inject(self, headers: &mut HeaderMap) {
        let text = format!("00-{}-{}-{:02x}", self.trace_id(), self.span_id(), u8::from(self.sampled));
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(HEADER, value);
        }
    }

    /// The trace, as 32 hexadecimal digits.
    #[must_use]
    pub fn trace_id(self) -> String {
        let [high, low] = self.trace_id;
        let mut text = String::with_capacity(32);
        let _ = write!(text, "{high:016x}{low:016x}"); // writing to a String cannot fail
        text
    }

    /// The span, as 16 hexadecimal digits.
    #[must_use]
    pub fn span_id(self) -> String {
        format!("{:016x}", self.span_id)
    }

    /// Whether the trace is recorded.
    #[must_use]
    pub const fn is_sampled(self) -> bool {
        self.sampled
    }

    pub(crate) const fn ids(self) -> ([u64; 2], u64) {
        (self.trace_id, self.span_id)
    }

    pub(crate) const fn of_ids(trace_id: [u64; 2], span_id: u64) -> Self {
        Self { trace_id, span_id, sampled: true }
    }

    /// Makes this the current context until the guard is dropped.
    pub(crate) fn enter(self) -> Entered {
        Entered {
            before: CURRENT.replace(Some(self)),
            #[cfg(feature = "otlp")]
            _parent: self.sampled.then(|| super::otel::attach(self)),
        }
    }
}

/// Restores the context from before.
pub(crate) struct Entered {
    before: Option<TraceContext>,
    // What spans of `tracing` or of OpenTelemetry's own API become children of.
    #[cfg(feature = "otlp")]
    _parent: Option<opentelemetry::ContextGuard>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.before);
    }
}

/// Lower-case hexadecimal digits, as the recommendation asks for.
fn hex(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |value, digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some((value << 4) | u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_recommendation_allows() {
        let valid = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        for (text, sampled) in [
            (valid.to_owned(), Some(true)),
            (valid.replace("-01", "-00"), Some(false)),
            (valid.replace("-01", "-03"), Some(true)),
            (format!("{valid}-extra"), None),
            (valid.replacen("00", "01", 1), Some(true)),
            (format!("{}-extra", valid.replacen("00", "01", 1)), Some(true)),
            (format!("{}extra", valid.replacen("00", "01", 1)), None),
            (valid.replacen("00", "ff", 1), None),
            (valid.to_uppercase(), None),
            (valid.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)), None),
            (valid.replace("b7ad6b7169203331", &"0".repeat(16)), None),
            (valid.replace("-b7", "_b7"), None),
            (valid.chars().take(54).collect(), None),
            (String::new(), None),
        ] {
            assert_eq!(TraceContext::parse(text.as_bytes()).map(TraceContext::is_sampled), sampled, "{text}");
        }
    }

    #[test]
    fn passes_on_what_it_reads() {
        let mut headers = HeaderMap::new();
        let root = TraceContext::root(true);
        root.inject(&mut headers);
        assert_eq!(TraceContext::of(&headers), Some(root));
        headers.append(HEADER, HeaderValue::from_static("00-1-1-01"));
        assert_eq!(TraceContext::of(&headers), None, "two parents are none");
    }

    #[test]
    fn is_current_within() {
        let (outer, inner) = (TraceContext::root(false), TraceContext::root(false));
        {
            let _outer = outer.enter();
            {
                let _inner = inner.enter();
                assert_eq!(TraceContext::current(), Some(inner));
            }
            assert_eq!(TraceContext::current(), Some(outer));
        }
        assert_eq!(TraceContext::current(), None);
    }
}
