//! W3C trace context: which trace a request belongs to.

use http::{HeaderMap, HeaderValue};
use std::{cell::RefCell, fmt::Write};

/// The identity of a request in a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    trace_id: [u64; 2],
    span_id: u64,
    sampled: bool,
}

const HEADER: &str = "traceparent";
const STATE_HEADER: &str = "tracestate";

thread_local! {
    static CURRENT: RefCell<Option<Current>> = const { RefCell::new(None) };
}

/// The request that is being worked on.
#[derive(Debug, Clone)]
pub(crate) struct Current {
    pub(crate) context: TraceContext,
    /// The `tracestate` of other tracing systems, passed on as it is.
    pub(crate) state: Option<HeaderValue>,
}

impl TraceContext {
    /// The trace context of the current request, for logs.
    ///
    /// It is known in the handler of the request, but not in tasks that the handler spawns. It is `None` in a
    /// service that neither has [exemplars](crate::Builder::exemplars) nor sends traces, because its requests
    /// have no trace.
    #[must_use]
    pub fn current() -> Option<Self> {
        Current::get().map(|current| current.context)
    }

    /// The root of a new trace.
    pub(crate) fn root(sampled: bool) -> Self {
        let id = || fastrand::u64(1..);
        Self { trace_id: [id(), id()], span_id: id(), sampled }
    }

    /// A span below this one.
    pub(crate) fn child(self) -> Self {
        Self { span_id: fastrand::u64(1..), ..self }
    }

    /// The context in the header `traceparent`, if it is valid.
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

    pub(crate) const fn of_ids(trace_id: [u64; 2], span_id: u64, sampled: bool) -> Self {
        Self { trace_id, span_id, sampled }
    }
}

impl Current {
    pub(super) fn get() -> Option<Self> {
        // On a thread that is ending, nothing is current.
        CURRENT.try_with(|current| current.try_borrow().ok()?.clone()).ok().flatten()
    }

    /// What `headers` say.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let context = TraceContext::of(headers)?;
        Some(Self { context, state: state_of(headers) })
    }

    /// Passes it on in `headers`.
    pub(crate) fn inject(&self, headers: &mut HeaderMap) {
        let Self { context, state } = self;
        let flags = u8::from(context.sampled);
        let text = format!("00-{}-{}-{flags:02x}", context.trace_id(), context.span_id());
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(HEADER, value);
        }
        match state {
            Some(state) => headers.insert(STATE_HEADER, state.clone()),
            // The header belongs to another trace.
            None => headers.remove(STATE_HEADER),
        };
    }

    /// Makes this the current one until the guard is dropped.
    pub(crate) fn enter(&self) -> Entered {
        let before = CURRENT.try_with(|current| current.replace(Some(self.clone())));
        Entered {
            before: before.ok().flatten(),
            #[cfg(feature = "otlp")]
            scope: None,
        }
    }
}

/// The most members and characters of `tracestate` passed on: W3C Trace Context, section 3.3.
const MOST_MEMBERS: usize = 32;
const LONGEST_STATE: usize = 512;

/// The joined `tracestate` headers, as far as they are passed on: the newest members come first.
fn state_of(headers: &HeaderMap) -> Option<HeaderValue> {
    let mut values = headers.get_all(STATE_HEADER).iter();
    let first = values.next()?;
    let is_short =
        first.len() <= LONGEST_STATE && first.as_bytes().split(|byte| *byte == b',').count() <= MOST_MEMBERS;
    if is_short && values.next().is_none() {
        return Some(first.clone());
    }
    let values = headers.get_all(STATE_HEADER).iter().filter_map(|value| value.to_str().ok());
    let members =
        values.flat_map(|value| value.split(',')).map(str::trim).filter(|member| !member.is_empty());
    let mut state = String::new();
    for member in members.take(MOST_MEMBERS) {
        if state.len() + member.len() >= LONGEST_STATE {
            break;
        }
        if !state.is_empty() {
            state.push(',');
        }
        state.push_str(member);
    }
    HeaderValue::try_from(state).ok().filter(|state| !state.is_empty())
}

/// Restores the context from before.
pub(crate) struct Entered {
    before: Option<Current>,
    #[cfg(feature = "otlp")]
    scope: Option<opentelemetry::ContextGuard>,
}

#[cfg(feature = "otlp")]
impl Entered {
    /// With this as the context of OpenTelemetry's API, too.
    pub(super) fn within(mut self, scope: opentelemetry::Context) -> Self {
        self.scope = Some(scope.attach());
        self
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let before = self.before.take();
        let _ending = CURRENT.try_with(|current| current.replace(before));
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

    fn current(context: TraceContext, state: Option<&'static str>) -> Current {
        Current { context, state: state.map(HeaderValue::from_static) }
    }

    #[test]
    fn passes_on_what_it_reads() {
        let mut headers = HeaderMap::new();
        let root = TraceContext::root(true);
        current(root, Some("vendor=1")).inject(&mut headers);
        assert_eq!(TraceContext::of(&headers), Some(root));
        assert_eq!(Current::of(&headers).and_then(|current| current.state).unwrap(), "vendor=1");
        current(root, None).inject(&mut headers);
        assert_eq!(headers.get(STATE_HEADER), None, "of another trace");
        headers.append(HEADER, HeaderValue::from_static("00-1-1-01"));
        assert_eq!(TraceContext::of(&headers), None, "two parents are none");
    }

    #[test]
    fn bounds_what_other_systems_say() {
        let mut headers = HeaderMap::new();
        let mut add = |value: String| {
            headers.append(STATE_HEADER, HeaderValue::try_from(value).unwrap());
            state_of(&headers).map(|state| state.to_str().unwrap().to_owned())
        };
        assert_eq!(add("a=1".to_owned()).unwrap(), "a=1");
        assert_eq!(add(" b=2 ,,c=3".to_owned()).unwrap(), "a=1,b=2,c=3");
        let many = ["k=v"; 100].join(",");
        assert_eq!(add(many).unwrap().split(',').count(), MOST_MEMBERS);
        headers
            .insert(STATE_HEADER, HeaderValue::try_from(format!("a=1,b={}", "x".repeat(300_000))).unwrap());
        assert_eq!(state_of(&headers).unwrap(), "a=1");
    }

    #[test]
    fn is_current_within() {
        let (outer, inner) = (TraceContext::root(false), TraceContext::root(false));
        {
            let _outer = current(outer, None).enter();
            {
                let _inner = current(inner, None).enter();
                assert_eq!(TraceContext::current(), Some(inner));
            }
            assert_eq!(TraceContext::current(), Some(outer));
        }
        assert_eq!(TraceContext::current(), None);
    }
}
