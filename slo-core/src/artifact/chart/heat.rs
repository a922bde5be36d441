//! Heat maps: how many events each bucket of a histogram has over time.

use super::{
    Color, Dates,
    dates::{APART, LEFT, RIGHT, WIDTH},
};
use crate::{model::Timestamp, page::escape};
use std::fmt::Write;

const TOP: f64 = 8.0;
const HEIGHT: f64 = 160.0;

/// A heat map of latencies over time, with a threshold.
///
/// ```
/// use slo_core::{artifact::{Dates, HeatMap}, model::{Timestamp, Window}};
///
/// let dates = Dates { start: Timestamp::EPOCH, end: Timestamp::EPOCH.after(Window::hours(2)), zone: "UTC", shaded: vec![] };
/// let map = HeatMap { title: "Latency", dates, bounds: vec![0.1, 0.3, f64::INFINITY], threshold: 0.3, counts: vec![vec![90.0, 9.0, 1.0], vec![95.0, 0.0, 0.0]] };
/// let svg = map.to_svg();
/// // Cells of one strength on one side of the threshold are one path.
/// assert_eq!(svg.matches("<path ").count(), 3);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "callers write all of it")]
pub struct HeatMap<'a> {
    /// Its title, for people who cannot see it.
    pub title: &'a str,
    /// The time axis.
    pub dates: Dates<'a>,
    /// The upper bounds of the buckets in seconds, in ascending order; the last one may be infinite.
    pub bounds: Vec<f64>,
    /// The longest good latency in seconds. A bucket whose bound is above it is red.
    pub threshold: f64,
    /// For each step of time, the events of each bucket.
    pub counts: Vec<Vec<f64>>,
}

/// The strengths of cells.
const STRENGTHS: usize = 8;

impl HeatMap<'_> {
    /// An SVG element.
    #[must_use]
    pub fn to_svg(&self) -> String {
        let height = TOP + HEIGHT + 26.0;
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart heat\" viewBox=\"0 0 {WIDTH} {height:.0}\" width=\"{WIDTH}\" role=\"img\" \
             font-family=\"sans-serif\" font-size=\"11\" fill=\"currentColor\" data-start=\"{}\" data-end=\"{}\" data-left=\"{LEFT}\" \
             data-right=\"{RIGHT}\" data-top=\"{TOP}\" data-bottom=\"{}\" data-unit=\"count\" data-bounds=\"{}\" data-counts=\"{}\"><title>{}</title>",
            self.dates.start.as_millis(),
            self.dates.end.as_millis(),
            TOP + HEIGHT,
            self.bounds.iter().map(|bound| latency(*bound)).collect::<Vec<_>>().join(","),
            self.counts
                .iter()
                .map(|step| step.iter().map(|count| format!("{count:.0}")).collect::<Vec<_>>().join(","))
                .collect::<Vec<_>>()
                .join(";"),
            escape(self.title),
        );
        let rows = self.bounds.len().max(1) as f64;
        let row = HEIGHT / rows;
        let width = (RIGHT - LEFT) / self.counts.len().max(1) as f64;
        // Cells of one colour are one path.
        let mut paths = vec![[String::new(), String::new()]; STRENGTHS];
        for (column, step) in self.counts.iter().enumerate() {
            let total: f64 = step.iter().sum();
            for (index, count) in step.iter().enumerate().filter(|(_, count)| **count > 0.0) {
                // The square root shows the few slow ones.
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a strength")]
                let strength = ((count / total).sqrt() * STRENGTHS as f64).ceil().max(1.0) as usize - 1;
                let is_slow = self.bounds.get(index).is_some_and(|bound| *bound > self.threshold);
                let (x, y) = (LEFT + width * column as f64, TOP + HEIGHT - row * (index + 1) as f64);
                if let Some(path) = paths
                    .get_mut(strength.min(STRENGTHS - 1))
                    .and_then(|both| both.get_mut(usize::from(is_slow)))
                {
                    let _ = write!(path, "M{x:.1} {y:.1}h{width:.1}v{row:.1}h-{width:.1}z");
                }
            }
        }
        for (strength, both) in paths.iter().enumerate() {
            for (path, color) in
                both.iter().zip([Color::Blue, Color::Red]).filter(|(path, _)| !path.is_empty())
            {
                let opacity = (strength + 1) as f64 / STRENGTHS as f64;
                let _ = write!(
                    out,
                    "<path fill=\"{}\" fill-opacity=\"{opacity:.2}\" d=\"{path}\"/>",
                    color.code()
                );
            }
        }
        let mut last = f64::INFINITY;
        for (index, bound) in self.bounds.iter().enumerate() {
            let y = TOP + HEIGHT - row * (index + 1) as f64;
            let is_threshold = (bound - self.threshold).abs() < 1e-9;
            if is_threshold {
                let _ = write!(
                    out,
                    "<line x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"{}\" stroke-dasharray=\"5 3\"/>",
                    Color::Red.code()
                );
            }
            if last - y > APART || is_threshold {
                let weight = if is_threshold { " font-weight=\"bold\"" } else { "" };
                let _ = write!(
                    out,
                    "<text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\"{weight}>{}</text>",
                    LEFT - 6.0,
                    y + 9.0,
                    latency(*bound)
                );
                last = y;
            }
        }
        let x = |time: Timestamp| LEFT + (RIGHT - LEFT) * self.dates.place(time);
        out.push_str(&self.dates.axis(
            x,
            [TOP + HEIGHT, TOP + HEIGHT + 4.0, height - 7.0],
            "stroke=\"#999\"",
        ));
        out.push_str("</svg>");
        out
    }
}

/// A latency for people.
fn latency(seconds: f64) -> String {
    match seconds {
        infinite if infinite.is_infinite() => "∞".to_owned(),
        short if short < 1.0 => format!("{} ms", (short * 1e6).round() / 1e3),
        long => format!("{long} s"),
    }
}
