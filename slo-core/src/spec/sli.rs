//! The `sli` and `slices` fields of a native document.

use super::{counter, percent, query, selector};
use crate::{
    Error,
    document::{Faults, Fields, Node, Value, text},
    model::{
        Bound, EmptySlice, EventCounters, Gauge, HistogramKind, LabelName, LatencyHistogram, Selector, Sli,
        TimeSlices, Window,
    },
};

pub(super) fn sli(node: &Node, place: &str, by: &[LabelName], faults: &mut Faults) -> Option<Sli> {
    let fields = Fields::of(node, place, &KINDS.map(|(kind, _)| kind), faults)?;
    // All kinds are read, although only one is allowed, so that all faults are reported.
    let mut found = Vec::new();
    for (kind, read) in KINDS {
        let Some(node) = fields.optional(kind) else { continue };
        found.push(read(node, &fields.path(kind), by, faults));
    }
    match found.as_slice() {
        [_] => found.pop().flatten(),
        several => {
            let message = if several.is_empty() { "no SLI" } else { "more than one SLI" };
            let error = Error::new(message)
                .with_hint("write one of `events`, `latency`, `probe`, `gauge` and `ratio`");
            faults.add(fields.position, place, error);
            None
        }
    }
}

/// Reads an SLI of one kind; the labels are those that the SLO is split by.
type Read = fn(&Node, &str, &[LabelName], &mut Faults) -> Option<Sli>;

const KINDS: [(&str, Read); 5] = [
    ("events", events),
    ("latency", |node, place, _, faults| latency(node, place, faults).map(Sli::Latency)),
    ("probe", |node, place, _, faults| series(node, place, faults).map(Sli::Probe)),
    ("gauge", |node, place, _, faults| gauge(node, place, faults).map(Sli::Gauge)),
    ("ratio", |node, place, _, faults| told(node, place, faults, query::ratio).map(Sli::Ratio)),
];

fn events(node: &Node, place: &str, by: &[LabelName], faults: &mut Faults) -> Option<Sli> {
    let fields = Fields::of(node, place, &["total", "good", "bad"], faults)?;
    let [total, good, bad] = ["total", "good", "bad"].map(|name| {
        let node = fields.optional(name)?;
        Some(told(node, &fields.path(name), faults, |text| counter::counter(text, by)))
    });
    let counters = match (total, good, bad) {
        (Some(total), None, Some(bad)) => EventCounters::TotalBad { total: total?, bad: bad? },
        (Some(total), Some(good), None) => EventCounters::TotalGood { total: total?, good: good? },
        (None, Some(good), Some(bad)) => EventCounters::GoodBad { good: good?, bad: bad? },
        (total, good, bad) => {
            let count = [total, good, bad].iter().flatten().count();
            let error = Error::new(format!("found {count} of `total`, `good` and `bad`"))
                .with_hint("write two of them; `total` and `bad` are the most exact");
            faults.add(fields.position, place, error);
            return None;
        }
    };
    match counter::events(counters, by) {
        Ok(sli) => Some(sli),
        Err(error) => {
            faults.add(fields.position, place, error);
            None
        }
    }
}

fn latency(node: &Node, place: &str, faults: &mut Faults) -> Option<LatencyHistogram> {
    let fields = Fields::of(node, place, &["histogram", "threshold", "kind"], faults)?;
    let histogram = fields
        .required("histogram", "http_request_duration_seconds", faults)
        .and_then(|node| series(node, &fields.path("histogram"), faults));
    if let Some(Err(error)) = histogram.as_ref().map(LatencyHistogram::check) {
        let position = fields.optional("histogram").map_or(fields.position, |node| node.position);
        faults.add(position, &fields.path("histogram"), error);
    }
    let threshold: Option<Window> = fields.parsed("threshold", "250ms", faults);
    let kind = match fields.text("kind", faults) {
        Some("native") => HistogramKind::Native,
        Some("classic") | None => HistogramKind::Classic,
        Some(other) => {
            let error = Error::new(format!("`{other}` is not a kind of histogram"))
                .with_hint("write `classic` or `native`");
            faults.add(fields.position, &fields.path("kind"), error);
            return None;
        }
    };
    // Its errors were reported above, with their positions.
    Some(LatencyHistogram::new(histogram?, threshold?).ok()?.of_kind(kind))
}

fn gauge(node: &Node, place: &str, faults: &mut Faults) -> Option<Gauge> {
    let fields = Fields::of(node, place, &["query", "good"], faults)?;
    let query = fields
        .required("query", "queue_length", faults)
        .and_then(|node| told(node, &fields.path("query"), faults, query::instant));
    let good: Option<Bound> = fields.parsed("good", "\"<= 100\"", faults);
    Gauge::new(query?, good?).ok()
}

pub(super) fn slices(node: &Node, place: &str, faults: &mut Faults) -> Option<TimeSlices> {
    let fields = Fields::of(node, place, &["length", "good", "idle"], faults)?;
    let length: Option<Window> = fields.parsed("length", "1m", faults);
    let idle = match fields.text("idle", faults) {
        Some("ignore") | None => Some(EmptySlice::Skip),
        Some("good") => Some(EmptySlice::Good),
        Some("bad") => Some(EmptySlice::Bad),
        Some("carry_forward") => Some(EmptySlice::CarryForward),
        Some(other) => {
            let error = Error::new(format!("`{other}` is not a mode for slices without events"))
                .with_hint("write `ignore`, `good`, `bad` or `carry_forward`");
            faults.add(fields.position, &fields.path("idle"), error);
            None
        }
    };
    let node = fields.required("good", "95%", faults)?;
    if matches!(&node.value, Value::Scalar { text, .. } if text == "ratio") {
        return Some(TimeSlices::of_ratios(length?, idle?));
    }
    let target = percent::read(node, &fields.path("good"), faults)?;
    match TimeSlices::new(length?, target, idle?) {
        Ok(slices) => Some(slices),
        Err(error) => {
            faults.add(node.position, &fields.path("good"), error);
            None
        }
    }
}

fn series(node: &Node, place: &str, faults: &mut Faults) -> Option<Selector> {
    told(node, place, faults, selector::selector)
}

/// Reads the scalar `node` with `read`.
fn told<T>(
    node: &Node,
    place: &str,
    faults: &mut Faults,
    read: impl FnOnce(&str) -> Result<T, Error>,
) -> Option<T> {
    match read(text(node, place, faults)?) {
        Ok(value) => Some(value),
        Err(error) => {
            faults.add(node.position, place, error);
            None
        }
    }
}
