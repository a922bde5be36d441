//! Whatever headers a request has: `traceparent` is read as the W3C's grammar says, and `Accept` gets a format that it asks
//! for.
#![no_main]

use http::{HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;
use regex_lite::Regex;
use slo_instrument::{Service, TraceContext};
use std::sync::LazyLock;

static GRAMMAR: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new("^(?:00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]([0-9a-f])|([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]([0-9a-f])(?:-.*)?)$")
        .expect("a pattern")
});
static SLO: LazyLock<Service> = LazyLock::new(|| Service::builder("fuzz").availability("99%").install().expect("an SLO"));

/// The trace, the span and whether it is sampled, by the grammar.
fn by_grammar(text: &str) -> Option<(String, String, bool)> {
    let found = GRAMMAR.captures(text)?;
    let part = |first: usize, second: usize| found.get(first).or(found.get(second)).map(|part| part.as_str());
    let (trace, span, flags) = (part(1, 5)?, part(2, 6)?, part(3, 7)?);
    let version = found.get(4).map(|version| version.as_str());
    // Version 00 goes on after nothing.
    if version == Some("ff") || version == Some("00") || trace.trim_matches('0').is_empty() || span.trim_matches('0').is_empty() {
        return None;
    }
    Some((trace.to_owned(), span.to_owned(), u8::from_str_radix(flags, 16).ok()? & 1 == 1))
}

fuzz_target!(|data: &[u8]| {
    let Ok(value) = HeaderValue::from_bytes(data) else { return };
    let mut headers = HeaderMap::new();
    headers.insert("traceparent", value.clone());
    let read = TraceContext::of(&headers);
    if let Ok(text) = value.to_str() {
        let read = read.map(|context| (context.trace_id(), context.span_id(), context.is_sampled()));
        assert_eq!(read, by_grammar(text), "{text}");
    }
    headers.append("traceparent", HeaderValue::from_static("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
    assert_eq!(TraceContext::of(&headers), None, "two of them");

    let asked = value.to_str().unwrap_or_default().to_ascii_lowercase();
    let (format, body) = SLO.metrics_for(value.to_str());
    let media = format.split(';').next().unwrap_or_default();
    assert!(media == "text/plain" || asked.contains(media), "{asked}: {format}");
    assert!(!body.is_empty());
    if media == "application/openmetrics-text" {
        assert!(body.ends_with(b"# EOF\n"));
    }
});
