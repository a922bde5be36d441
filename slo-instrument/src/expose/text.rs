//! Prometheus' text format and OpenMetrics.

use super::{Format, families::Gathered};
use crate::{
    Kind,
    count::{Reading, Series},
    family::{Family, Type},
    labels::render,
    source::Source,
    trace::Exemplar,
};
use std::{
    io::Write,
    sync::atomic::Ordering,
    time::{Duration, SystemTime},
};

/// The metrics of `source`.
pub(super) fn encode(source: &Source, format: Format) -> Vec<u8> {
    // As much as the last time, and a little more.
    let length = source.length.load(Ordering::Relaxed);
    let mut text = Text {
        out: Vec::with_capacity(length + length / 16),
        is_open: format == Format::OpenMetrics,
        numbers: itoa::Buffer::new(),
        start: Vec::new(),
    };
    let mut gathered = Gathered::new(source);
    for kind in Kind::ALL {
        text.histograms(source, kind, &mut gathered);
    }
    for family in source.families_of(gathered) {
        text.family(&family, source.created);
    }
    if text.is_open {
        text.add(&["# EOF\n"]);
    }
    source.length.store(text.out.len(), Ordering::Relaxed);
    text.out
}

struct Text {
    out: Vec<u8>,
    is_open: bool,
    numbers: itoa::Buffer,
    // Reused from histogram to histogram.
    start: Vec<u8>,
}

/// The text between the labels of a bucket and its value, `,le="0.5"} `. It has more room than its line
/// needs: copies of a fixed size are faster.
struct Bound {
    text: [u8; ROOM],
    length: usize,
    bucket: usize,
}

/// A bound of nanoseconds, a count, and the end of the line.
const ROOM: usize = 64;

impl Bound {
    fn new(bound: &str, bucket: usize) -> Self {
        let mut text = [0; ROOM];
        let mut length = 0;
        for (place, byte) in text.iter_mut().zip(format!(",le=\"{bound}\"}} ").bytes()) {
            *place = byte;
            length += 1;
        }
        Self { text, length, bucket }
    }
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
        let edges = source.store.edges();
        let bounds =
            edges.seconds().map(|bound| if self.is_open { format!("{bound:?}") } else { bound.to_string() });
        let bounds = bounds.chain(["+Inf".to_owned()]).zip(edges.classic());
        let bounds: Vec<Bound> = bounds.map(|(bound, bucket)| Bound::new(&bound, *bucket)).collect();
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
                    self.histogram(kind.metric(), series, &bounds, &reading);
                }
            }
        }
    }

    fn histogram(&mut self, name: &str, series: &Series, bounds: &[Bound], reading: &Reading) {
        let labels = series.rendered();
        // What all lines of buckets begin with.
        self.start.clear();
        for part in [name, "_bucket", labels] {
            self.start.extend_from_slice(part.as_bytes());
        }
        self.out.reserve((bounds.len() + 3) * (self.start.len() + ROOM));
        for (position, bound) in bounds.iter().enumerate() {
            self.out.extend_from_slice(&self.start);
            self.bucket(bound, reading.cumulative.get(bound.bucket).copied().unwrap_or(0));
            if self.is_open
                && let Some(exemplar) = series.exemplars.of(position)
            {
                self.exemplar(exemplar);
            }
            self.out.push(b'\n');
        }
        self.add(&[name, "_sum", labels, "} "]);
        self.seconds(reading.nanos());
        self.add(&["\n", name, "_count", labels, "} "]);
        self.whole(reading.count());
        self.out.push(b'\n');
        if self.is_open {
            self.add(&[name, "_created", labels, "} "]);
            self.time(series.created);
            self.out.push(b'\n');
        }
    }

    /// The end of a bucket's line. Its digits are written in place: reading them again would cost more.
    fn bucket(&mut self, bound: &Bound, count: u64) {
        let digits = self.out.len() + bound.length;
        self.out.extend_from_slice(&bound.text);
        self.out.truncate(digits + count.checked_ilog10().map_or(1, |last| last as usize + 1));
        let mut rest = count;
        for digit in self.out.iter_mut().skip(digits).rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
    }

    fn exemplar(&mut self, Exemplar { context, nanos, unix_millis }: Exemplar) {
        let (trace, span) = (context.trace_id(), context.span_id());
        self.add(&[" # {trace_id=\"", &trace, "\",span_id=\"", &span, "\"} "]);
        self.real(Duration::from_nanos(nanos).as_secs_f64());
        self.out.push(b' ');
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
            self.out.push(b'\n');
            if self.is_open && family.kind == Type::Counter {
                self.add(&[family.name.trim_end_matches("_total"), "_created", &labels, end]);
                self.time(created);
                self.out.push(b'\n');
            }
        }
    }

    fn add(&mut self, parts: &[&str]) {
        for part in parts {
            self.out.extend_from_slice(part.as_bytes());
        }
    }

    fn whole(&mut self, value: u64) {
        self.out.extend_from_slice(self.numbers.format(value).as_bytes());
    }

    /// Nanoseconds as seconds, every one of them.
    fn seconds(&mut self, nanos: u64) {
        const NANOS: u64 = 1_000_000_000;
        self.whole(nanos / NANOS);
        let fraction = nanos % NANOS;
        if fraction > 0 {
            // Nine digits, those in front of them for the zeros.
            let digits = self.numbers.format(NANOS + fraction).get(1..).unwrap_or_default();
            self.out.push(b'.');
            self.out.extend_from_slice(digits.trim_end_matches('0').as_bytes());
        }
    }

    fn real(&mut self, value: f64) {
        // Whole numbers are many, and print faster as such.
        if value.fract() == 0.0 && value.abs() < 1e15 {
            #[expect(clippy::cast_possible_truncation, reason = "it is whole and small")]
            let whole = value as i64;
            self.out.extend_from_slice(self.numbers.format(whole).as_bytes());
        } else {
            let _ = write!(self.out, "{value}"); // writing to a vector cannot fail
        }
    }

    fn time(&mut self, time: SystemTime) {
        let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let _ = write!(self.out, "{}.{:03}", since.as_secs(), since.subsec_millis());
    }
}
