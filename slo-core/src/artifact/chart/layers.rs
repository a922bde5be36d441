//! What a chart shows.

use super::Dates;
use crate::model::Timestamp;

/// A chart of values over time.
///
/// [`to_svg`](Self::to_svg) draws it as one SVG element, without a stylesheet or a script. The element says in
/// `data-` attributes what a script needs to show the values under the pointer.
///
/// ```
/// use slo_core::{artifact::{Chart, Color, Dates, Layer, Scale, Unit}, model::{Timestamp, Window}};
///
/// let dates = Dates { start: Timestamp::EPOCH, end: Timestamp::EPOCH.after(Window::hours(2)), zone: "UTC", shaded: vec![] };
/// let rates = Layer::line("1h", Color::Blue, vec![Some(0.5), Some(20.0), None]);
/// let threshold = Layer::Level { name: "page above 14.4".to_owned(), color: Color::Red, value: 14.4 };
/// let chart = Chart { title: "Burn rate", dates, unit: Unit::Factor, scale: Scale::Log, layers: vec![rates, threshold] };
/// let svg = chart.to_svg();
/// assert!(svg.starts_with("<svg ") && svg.contains("14.4") && svg.contains("data-values=\"0.5,20,\""));
/// ```
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "callers write all of it")]
pub struct Chart<'a> {
    /// Its title, for people who cannot see it.
    pub title: &'a str,
    /// The time axis.
    pub dates: Dates<'a>,
    /// The unit of the values.
    pub unit: Unit,
    /// The scale of the values.
    pub scale: Scale,
    /// What is drawn, from the back to the front.
    pub layers: Vec<Layer>,
}

/// Something that a chart shows.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Layer {
    /// Values at evenly spaced times, the first at the start of the axis and the last at its end. `None` is a gap.
    Line {
        /// Its name in the legend.
        name: String,
        /// Its colour.
        color: Color,
        /// The values.
        values: Vec<Option<f64>>,
    },
    /// Values of evenly long spans of time, each a bar. They stand on the bars of earlier layers.
    Bars {
        /// Its name in the legend.
        name: String,
        /// Its colour.
        color: Color,
        /// The values.
        values: Vec<Option<f64>>,
    },
    /// A dashed line at one value, such as a threshold, which is named at its end.
    Level {
        /// Its name.
        name: String,
        /// Its colour.
        color: Color,
        /// The value.
        value: f64,
    },
    /// A dashed straight line between two points, such as a budget that is spent evenly.
    Slope {
        /// Its name in the legend.
        name: String,
        /// A point.
        from: (Timestamp, f64),
        /// A later point.
        to: (Timestamp, f64),
    },
    /// Spans of time, as a row below the values.
    Spans {
        /// The name of the row.
        name: String,
        /// Its colour.
        color: Color,
        /// The spans.
        spans: Vec<(Timestamp, Timestamp)>,
    },
    /// Moments, as lines through the whole chart and a row below the values, each with a text.
    Marks {
        /// The name of the row.
        name: String,
        /// Its colour.
        color: Color,
        /// The moments and their texts.
        marks: Vec<(Timestamp, String)>,
    },
}

impl Layer {
    /// A line.
    pub fn line(name: impl Into<String>, color: Color, values: Vec<Option<f64>>) -> Self {
        Self::Line { name: name.into(), color, values }
    }

    /// Bars.
    pub fn bars(name: impl Into<String>, color: Color, values: Vec<Option<f64>>) -> Self {
        Self::Bars { name: name.into(), color, values }
    }
}

/// The unit of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unit {
    /// Shares of one, shown as percentages.
    Share,
    /// Factors, such as burn rates.
    Factor,
    /// Events per second.
    PerSecond,
    /// A number of events.
    Count,
}

/// The scale of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scale {
    /// From 0, or from the lowest value if it is negative.
    Linear,
    /// Logarithmic from 0.1; lower values are at the bottom.
    Log,
}

/// A colour that can be told from a white and from a black background.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Color {
    /// Blue.
    Blue,
    /// Green, for good events.
    Green,
    /// Orange, for tickets.
    Orange,
    /// Red, for bad events and pages.
    Red,
    /// Purple.
    Purple,
    /// Teal.
    Teal,
    /// Gray.
    Gray,
}

impl Color {
    /// The colours of curves that have no meaning of their own.
    pub const CURVES: [Self; 5] = [Self::Blue, Self::Purple, Self::Teal, Self::Orange, Self::Gray];

    /// The colour in SVG and CSS.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Blue => "#3b82c4",
            Self::Green => "#3a9a5f",
            Self::Orange => "#b57a00",
            Self::Red => "#d5502f",
            Self::Purple => "#8a6fc8",
            Self::Teal => "#2a9191",
            Self::Gray => "#888",
        }
    }
}

impl Unit {
    /// A value for people, in at most about five characters.
    #[must_use]
    pub fn show(self, value: f64) -> String {
        match self {
            Self::Share => format!("{}%", short(value * 100.0)),
            Self::Factor => format!("{}×", short(value)),
            Self::PerSecond => format!("{}/s", short(value)),
            Self::Count => short(value),
        }
    }

    /// Its name for scripts.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Share => "share",
            Self::Factor => "factor",
            Self::PerSecond => "per-second",
            Self::Count => "count",
        }
    }
}

/// A number with at most three significant digits, and `k`, `M` or `G` for thousands.
fn short(value: f64) -> String {
    let (value, suffix) = match value.abs() {
        large if large >= 1e9 => (value / 1e9, "G"),
        large if large >= 1e6 => (value / 1e6, "M"),
        large if large >= 1e4 => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let decimals = match value.abs() {
        large if large >= 100.0 => 0,
        large if large >= 10.0 => 1,
        large if large >= 0.1 => 2,
        0.0 => 0,
        _ => 4,
    };
    let text = format!("{value:.decimals$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{}{suffix}", if text == "-0" { "0" } else { text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_short() {
        for (value, text) in [
            (0.0, "0"),
            (-0.000_01, "0"),
            (14.4, "14.4"),
            (1_000.0, "1000"),
            (12_345.0, "12.3k"),
            (0.0144, "0.0144"),
            (-2.5e6, "-2.5M"),
            (99.95, "100"),
        ] {
            assert_eq!(short(value), text);
        }
        assert_eq!(Unit::Share.show(0.2515), "25.1%");
    }
}
