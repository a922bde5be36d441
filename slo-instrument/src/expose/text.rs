//! Prometheus' text format and OpenMetrics.

use super::{Family, Format, Source, Type, families::Gathered};
use crate::{
    Kind,
    count::{Reading, Series},
    trace::Exemplar,
};
use std::{
    fmt::Write,
    time::{Duration, SystemTime},
};

/// The metrics of `source`.
pub(super) fn encode(source: &Source, format: Format) -> String {
    let mut text = Text {
        out: String::new(),
        is_open: format == Format::OpenMetrics,
        numbers: itoa::Buffer::new(),
        start: String::new(),
    };
    let mut gathered = Gathered::new(source);
    for kind in Kind::ALL {
        text.histograms(source, kind, &mut gathered);
    }
    for family in source.families_of(gathered) {
        text.family(&family, source.created);
    }
    if text.is_open {
        text.out.push_str("# EOF\n");
    }
    text.out
}

struct Text {
    out: String,
    is_open: bool,
    numbers: itoa::Buffer,
    // Reused from histogram to histogram.
    start: String,
}

impl Text {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let name = if self.is_open && kind == "counter" { name.trim_end_matches("_total") } else { name };
        self.add(&["# HELP ", name, " ", help, "\n# TYPE ", name, " ", kind, "\n"]);
        if self.is_open && name.ends_with("_seconds") {
            self.add(&["# UNIT ", name, " seconds\n"]);
        }
    }

    fn histograms(&mut self, source: &Source, kind: Kind, gathered: &mut Gathered) {
        // One for every bucket, from `,le="` to the space before the value.
        let edges = source.store.edges();
        let bounds: Vec<String> =
            edges
                .seconds()
                .map(|bound| {
                    if self.is_open { format!(",le=\"{bound:?}\"}} ") } else { format!(",le=\"{bound}\"}} ") }
                })
                .chain([",le=\"+Inf\"} ".to_owned()])
                .collect();
        let buckets: Vec<(&str, usize)> =
            bounds.iter().map(String::as_str).zip(edges.classic().iter().copied()).collect();
        let (mut is_first, mut reading) = (true, Reading::default());
        for instrument in source.store.instruments().iter().filter(|instrument| instrument.kind() == kind) {
            for route in instrument.routes().iter() {
                for series in route.all_series().iter() {
                    series.read(&mut reading);
                    gathered.add(source, series, &reading);
                    if series.ignored.is_some() {
                        continue;
                    }
                    if is_first {
                        self.head(kind.metric(), "histogram", kind.help());
                        is_first = false;
                    }
                    self.histogram(kind.metric(), series, &buckets, &reading);
                }
            }
        }
    }

    fn histogram(&mut self, name: &str, series: &Series, buckets: &[(&str, usize)], reading: &Reading) {
        let labels = series.rendered();
        self.out.reserve((buckets.len() + 3) * (name.len() + labels.len() + 32));
        // What all lines of buckets begin with.
        let mut start = std::mem::take(&mut self.start);
        start.clear();
        start.extend([name, "_bucket", labels]);
        for (position, (bound, bucket)) in buckets.iter().enumerate() {
            self.out.push_str(&start);
            self.out.push_str(bound);
            self.whole(reading.cumulative.get(*bucket).copied().unwrap_or(0));
            if self.is_open
                && let Some(exemplar) = series.exemplars.of(position)
            {
                self.exemplar(exemplar);
            }
            self.out.push('\n');
        }
        self.start = start;
        self.add(&[name, "_sum", labels, "} "]);
        self.real(reading.seconds());
        self.add(&["\n", name, "_count", labels, "} "]);
        self.whole(reading.count());
        self.out.push('\n');
        if self.is_open {
            self.add(&[name, "_created", labels, "} "]);
            self.time(series.created);
            self.out.push('\n');
        }
    }

    fn exemplar(&mut self, Exemplar { context, nanos, unix_millis }: Exemplar) {
        let (trace, span) = (context.trace_id(), context.span_id());
        self.add(&[" # {trace_id=\"", &trace, "\",span_id=\"", &span, "\"} "]);
        self.real(Duration::from_nanos(nanos).as_secs_f64());
        self.out.push(' ');
        self.real(Duration::from_millis(unix_millis).as_secs_f64());
    }

    fn family(&mut self, family: &Family, created: SystemTime) {
        let kind = match family.kind {
            Type::Counter => "counter",
            Type::Gauge | Type::Level => "gauge",
        };
        self.head(family.name, kind, family.help);
        for sample in &family.samples {
            let labels = render(&sample.labels);
            let end = if labels.is_empty() { " " } else { "} " };
            self.add(&[family.name, &labels, end]);
            self.real(sample.value);
            self.out.push('\n');
            if self.is_open && family.kind == Type::Counter {
                self.add(&[family.name.trim_end_matches("_total"), "_created", &labels, end]);
                self.time(created);
                self.out.push('\n');
            }
        }
    }

    fn add(&mut self, parts: &[&str]) {
        self.out.extend(parts.iter().copied());
    }

    fn whole(&mut self, value: u64) {
        self.out.push_str(self.numbers.format(value));
    }

    fn real(&mut self, value: f64) {
        // Whole numbers are many, and print faster as such.
        if value.fract() == 0.0 && value.abs() < 1e15 {
            #[expect(clippy::cast_possible_truncation, reason = "it is whole and small")]
            let whole = value as i64;
            self.out.push_str(self.numbers.format(whole));
        } else {
            let _ = write!(self.out, "{value}"); // writing to a String cannot fail
        }
    }

    fn time(&mut self, time: SystemTime) {
        let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let _ = write!(self.out, "{}.{:03}", since.as_secs(), since.subsec_millis());
    }
}

/// Labels without the closing brace; nothing where there are none.
pub(crate) fn render(labels: &[(&'static str, String)]) -> String {
    let mut text = String::new();
    for (label, value) in labels {
        text.push(if text.is_empty() { '{' } else { ',' });
        text.push_str(label);
        text.push_str("=\"");
        for character in value.chars() {
            match character {
                '\\' => text.push_str("\\\\"),
                '"' => text.push_str("\\\""),
                '\n' => text.push_str("\\n"),
                plain => text.push(plain),
            }
        }
        text.push('"');
    }
    text
}
