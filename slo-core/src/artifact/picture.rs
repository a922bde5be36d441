//! Charts as SVG, in the colours of the page that shows them.

use crate::{
    model::{Timestamp, Window},
    replay::thin,
};
use std::fmt::Write;

/// The most points of a curve in a picture.
const POINTS: usize = 600;
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 180.0;
const MARGIN: f64 = 56.0;
/// The smallest distance between labels that can be read.
const APART: f64 = 14.0;

/// The time axis of a picture.
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
        let lengths =
            [1, 5, 15, 30, 60, 180, 360, 720, 1_440, 2_880, 7_200, 10_080, 20_160, 43_200, 86_400, 172_800];
        let length =
            lengths.into_iter().map(Window::minutes).find(|length| span / length.as_millis() <= MOST);
        let Some(length) = length.filter(|_| span > 0) else { return Vec::new() };
        let Ok(zone) = jiff::tz::TimeZone::get(self.zone) else { return Vec::new() };
        let format = if length < Window::days(1) { "%m-%d %H:%M" } else { "%Y-%m-%d" };
        // Ticks are on the clock of the zone; after a clock change, later ticks are shifted.
        let tick = |time: Timestamp| {
            let instant = jiff::Timestamp::from_millisecond(time.as_millis()).ok()?;
            Some((time, zone.to_datetime(instant).strftime(format).to_string()))
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

/// The budget left over a time, as an SVG element.
///
/// `remaining` holds shares of the budget. A dashed line shows a budget that is spent evenly, with `ideal`
/// left at the end. The axis shows `dates`, if they are known.
///
/// ```
/// use slo_core::{artifact::{Dates, burn_down_picture}, model::{Timestamp, Window}};
///
/// let day = |number| Timestamp::EPOCH.after_steps(Window::days(1), number);
/// let week = Dates { start: day(0), end: day(7), zone: "UTC", shaded: vec![(day(1), day(1).after(Window::hours(1)))] };
/// let picture = burn_down_picture(&[1.0, 0.9, 0.2, -0.1], 0.0, Some(&week));
/// assert!(picture.starts_with("<svg ") && picture.contains("<polyline ") && picture.contains("1970-01-03"));
/// ```
#[must_use]
pub fn burn_down_picture(remaining: &[f64], ideal: f64, dates: Option<&Dates<'_>>) -> String {
    let shown = thin(remaining, POINTS);
    let lowest =
        shown.iter().filter_map(|index| remaining.get(*index)).fold(0.0_f64, |low, value| low.min(*value));
    let last = remaining.len().max(2) - 1;
    let x = |index: usize| MARGIN + (WIDTH - MARGIN - 8.0) * index as f64 / last as f64;
    let y = |share: f64| 8.0 + (HEIGHT - 32.0) * (1.0 - share) / (1.0 - lowest);
    let mut points = String::new();
    for index in &shown {
        let share = remaining.get(*index).copied().unwrap_or(0.0);
        let _ = write!(points, "{:.1},{:.1} ", x(*index), y(share)); // writing to a String cannot fail
    }
    let label = |share: f64| {
        let (x, y) = (MARGIN - 6.0, y(share) + 4.0);
        format!("<text x=\"{x:.0}\" y=\"{y:.1}\" text-anchor=\"end\">{:.0}%</text>", share * 100.0)
    };
    let mut grid = format!(
        "<line x1=\"{MARGIN}\" x2=\"{:.0}\" y1=\"{zero:.1}\" y2=\"{zero:.1}\" stroke=\"#999\"/>{}",
        WIDTH - 8.0,
        label(0.0),
        zero = y(0.0),
    );
    if y(0.0) - y(1.0) > APART {
        grid.push_str(&label(1.0));
    }
    if y(lowest) - y(0.0) > APART {
        grid.push_str(&label(lowest));
    }
    let mut shaded = String::new();
    let ticks;
    if let Some(dates) = dates {
        let at = |time: Timestamp| MARGIN + (WIDTH - MARGIN - 8.0) * dates.place(time);
        shaded = dates.shades(at, 8.0, HEIGHT - 32.0);
        ticks = dates.axis(at, [HEIGHT - 24.0, HEIGHT - 20.0, HEIGHT - 8.0], "stroke=\"#999\"");
    } else {
        ticks = format!(
            "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\">time; dashed: spent evenly</text>",
            WIDTH - 8.0,
            HEIGHT - 4.0
        );
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" role=\"img\" \
         font-family=\"sans-serif\" font-size=\"11\" fill=\"currentColor\"><title>Error budget left</title>{shaded}{grid}\
         <line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"#999\" stroke-dasharray=\"4 4\"/>\
         <polyline fill=\"none\" stroke=\"#3b82c4\" stroke-width=\"1.6\" points=\"{points}\"/>\
         {ticks}</svg>",
        x(0),
        y(1.0),
        x(last),
        y(ideal),
    )
}
