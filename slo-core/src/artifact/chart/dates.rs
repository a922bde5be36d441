//! The time axis of a chart.

use crate::model::{Timestamp, Window};
use std::fmt::Write;

/// The width of charts.
pub(super) const WIDTH: f64 = 640.0;
/// Where the time axis begins and ends.
pub(super) const LEFT: f64 = 56.0;
pub(super) const RIGHT: f64 = WIDTH - 8.0;
/// The smallest distance between lines of text that can be read.
pub(super) const APART: f64 = 12.0;

/// The time axis of a chart.
///
/// Not `non_exhaustive`, because its maker knows all of its fields.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "callers write all of it")]
pub struct Dates<'a> {
    /// The time of the first value.
    pub start: Timestamp,
    /// The time of the last one.
    pub end: Timestamp,
    /// The zone of its days.
    pub zone: &'a str,
    /// Times to mark, such as incidents.
    pub shaded: Vec<(Timestamp, Timestamp)>,
}

impl Dates<'_> {
    /// The position of a time, from 0 to 1.
    pub(super) fn place(&self, time: Timestamp) -> f64 {
        let span = self.end.millis_since(self.start).max(1) as f64;
        (time.millis_since(self.start) as f64 / span).clamp(0.0, 1.0)
    }

    /// The times to mark, each on a rectangle as high as the curve.
    pub(super) fn shades(&self, x: impl Fn(Timestamp) -> f64, top: f64, height: f64) -> String {
        let mut out = String::new();
        for (from, to) in &self.shaded {
            let (left, width) = (x(*from), (x(*to) - x(*from)).max(3.0));
            // Writing to a String cannot fail.
            let _ = write!(
                out,
                "<rect class=\"incident\" x=\"{left:.1}\" width=\"{width:.1}\" y=\"{top}\" height=\"{height:.0}\" \
                 fill=\"#d5502f\" fill-opacity=\"0.4\"/>"
            );
        }
        out
    }

    /// Names of times at the height `text`, each with a line from `top` to `bottom`.
    pub(super) fn axis(
        &self,
        x: impl Fn(Timestamp) -> f64,
        [top, bottom, text]: [f64; 3],
        line: &str,
    ) -> String {
        let mut out = String::new();
        for (time, name) in self.ticks() {
            let anchor = match self.place(time) {
                place if place < 0.05 => "start",
                place if place > 0.95 => "end",
                _ => "middle",
            };
            let _ = write!(
                out,
                "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{top:.0}\" y2=\"{bottom:.0}\" {line}/><text x=\"{x:.1}\" \
                 y=\"{text:.0}\" text-anchor=\"{anchor}\">{name}</text>",
                x = x(time),
            );
        }
        out
    }

    /// The labelled times: starts of days or whole hours, at most six, with room between their labels.
    fn ticks(&self) -> Vec<(Timestamp, String)> {
        const MOST: u64 = 5;
        let span = self.end.millis_since(self.start);
        let lengths = [
            1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1_440, 2_880, 7_200, 10_080, 20_160, 43_200, 86_400,
            172_800,
        ];
        let length =
            lengths.into_iter().map(Window::minutes).find(|length| span / length.as_millis() <= MOST);
        let Some(length) = length.filter(|_| span > 0) else { return Vec::new() };
        let Ok(zone) = jiff::tz::TimeZone::get(self.zone) else { return Vec::new() };
        let is_short = length < Window::days(1);
        let mut last_day = None;
        // Ticks are on the clock of the zone; after a clock change, later ticks are shifted.
        let tick = |time: Timestamp| {
            let instant = jiff::Timestamp::from_millisecond(time.as_millis()).ok()?;
            let local = zone.to_datetime(instant);
            let is_new = last_day.replace(local.date()) != Some(local.date());
            // A day is named once.
            let format = match (is_short, is_new) {
                (true, true) => "%m-%d %H:%M",
                (true, false) => "%H:%M",
                (false, _) => "%Y-%m-%d",
            };
            Some((time, local.strftime(format).to_string()))
        };
        let offset = jiff::Timestamp::from_millisecond(self.start.as_millis())
            .map_or(0, |start| i64::from(zone.to_offset(start).seconds()));
        // Midnight on the clock of the zone.
        let origin = Timestamp::from_seconds(-offset);
        let before = self.start.on_grid(length, origin);
        let first = if before == self.start { before } else { before.after(length) };
        (0..=5)
            .map(|number| first.after_steps(length, number))
            .filter(|time| *time <= self.end)
            .filter_map(tick)
            .collect()
    }
}
