//! Draws a chart.

use super::{
    Chart, Color, Layer, Scale, Unit,
    dates::{APART, LEFT, RIGHT, WIDTH},
};
use crate::{model::Timestamp, page::escape};
use std::fmt::Write;

/// The height of the values.
const HEIGHT: f64 = 160.0;
/// Where the rows below the values begin, so that their names do not touch the lowest value.
const ROWS: f64 = 7.0;
/// The height of a row of spans, and of the legend.
const ROW: f64 = 16.0;
/// The width of a character of a label.
const LETTER: f64 = 6.3;

/// Where values are in a chart.
struct Frame {
    top: f64,
    low: f64,
    high: f64,
    scale: Scale,
}

impl Frame {
    fn y(&self, value: f64) -> f64 {
        let (low, high, value) = match self.scale {
            Scale::Linear => (self.low, self.high, value),
            Scale::Log => (-1.0, self.high.log10(), value.max(0.1).log10()),
        };
        let share = ((value - low) / (high - low)).clamp(-0.05, 1.05);
        self.top + HEIGHT * (1.0 - share)
    }

    fn bottom(&self) -> f64 {
        self.top + HEIGHT
    }

    /// Values to label, from the lowest.
    fn ticks(&self, unit: Unit) -> Vec<f64> {
        match self.scale {
            Scale::Log => {
                (0..20).map(|power| 10_f64.powi(power)).take_while(|tick| *tick <= self.high).collect()
            }
            Scale::Linear => {
                let step = nice((self.high - self.low) / 4.0);
                // Counts are whole.
                let step = if unit == Unit::Count { step.max(1.0) } else { step };
                let first = (self.low / step).ceil();
                (0..12)
                    .map(|index| (first + f64::from(index)) * step)
                    .take_while(|tick| *tick <= self.high * (1.0 + 1e-9))
                    .collect()
            }
        }
    }
}

/// The next of 1, 2, 2.5, 5 times a power of ten.
fn nice(step: f64) -> f64 {
    if step <= 0.0 || !step.is_finite() {
        return 1.0;
    }
    let power = 10_f64.powf(step.log10().floor());
    let found = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().find(|one| one * power >= step * (1.0 - 1e-9));
    found.unwrap_or(10.0) * power
}

impl Chart<'_> {
    /// An SVG element.
    #[must_use]
    pub fn to_svg(&self) -> String {
        let named: Vec<(&str, Color)> = self.layers.iter().filter_map(in_legend).collect();
        // A single curve is named by the title.
        let has_legend = named.len() > 1;
        let frame = self.frame(if has_legend { ROW + 8.0 } else { 8.0 });
        let rows = self
            .layers
            .iter()
            .filter(|layer| matches!(layer, Layer::Spans { .. } | Layer::Marks { .. }))
            .count();
        let below = frame.bottom() + ROW * rows as f64 + if rows > 0 { ROWS } else { 0.0 };
        let height = below + 26.0;
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" viewBox=\"0 0 {WIDTH} {height:.0}\" width=\"{WIDTH}\" role=\"img\" \
             font-family=\"sans-serif\" font-size=\"11\" fill=\"currentColor\" data-start=\"{}\" data-end=\"{}\" \
             data-left=\"{LEFT}\" data-right=\"{RIGHT}\" data-top=\"{}\" data-bottom=\"{below:.0}\" data-unit=\"{}\"><title>{}</title>",
            self.dates.start.as_millis(),
            self.dates.end.as_millis(),
            frame.top,
            self.unit.name(),
            escape(self.title),
        );
        if has_legend {
            legend(&mut out, &named);
        }
        out.push_str(&self.dates.shades(|time| self.x(time), frame.top, HEIGHT));
        self.grid(&mut out, &frame);
        let mut stacked: Vec<f64> = Vec::new();
        let mut row = 0.0;
        for layer in &self.layers {
            match layer {
                Layer::Line { name, color, values } => line(&mut out, &frame, name, *color, values),
                Layer::Bars { name, color, values } => {
                    bars(&mut out, &frame, name, *color, values, &mut stacked);
                }
                Layer::Level { name, color, value } => level(&mut out, &frame, name, *color, *value),
                Layer::Slope { from, to, .. } => self.slope(&mut out, &frame, *from, *to),
                Layer::Spans { name, color, spans } => {
                    self.spans(&mut out, frame.bottom() + ROWS + row * ROW, name, *color, spans);
                    row += 1.0;
                }
                Layer::Marks { name, color, marks } => {
                    self.marks(&mut out, &frame, frame.bottom() + ROWS + row * ROW, (name, *color), marks);
                    row += 1.0;
                }
            }
        }
        let line = "stroke=\"#999\" stroke-opacity=\"0.3\"";
        out.push_str(&self.dates.axis(|time| self.x(time), [frame.top, below + 4.0, height - 7.0], line));
        out.push_str("</svg>");
        out
    }

    fn x(&self, time: Timestamp) -> f64 {
        LEFT + (RIGHT - LEFT) * self.dates.place(time)
    }

    fn frame(&self, top: f64) -> Frame {
        let (mut low, mut high) = (0.0_f64, 0.0_f64);
        let mut stacked: Vec<f64> = Vec::new();
        for layer in &self.layers {
            match layer {
                Layer::Line { values, .. } => {
                    for value in values.iter().flatten() {
                        (low, high) = (low.min(*value), high.max(*value));
                    }
                }
                Layer::Bars { values, .. } => {
                    stacked.resize(stacked.len().max(values.len()), 0.0);
                    for (sum, value) in stacked.iter_mut().zip(values) {
                        *sum += value.unwrap_or(0.0).max(0.0);
                        high = high.max(*sum);
                    }
                }
                Layer::Level { value, .. } => high = high.max(value * 1.05),
                Layer::Slope { from, to, .. } => high = high.max(from.1).max(to.1),
                Layer::Spans { .. } | Layer::Marks { .. } => {}
            }
        }
        match self.scale {
            Scale::Log => high = 10_f64.powf(high.max(10.0).log10().ceil()),
            Scale::Linear if high <= low => high = low + 1.0,
            Scale::Linear => {}
        }
        Frame { top, low, high, scale: self.scale }
    }

    fn grid(&self, out: &mut String, frame: &Frame) {
        let mut last = f64::INFINITY;
        for tick in frame.ticks(self.unit) {
            let y = frame.y(tick);
            let strength = if tick == 0.0 { 0.9 } else { 0.25 };
            // Writing to a String cannot fail.
            let _ = write!(
                out,
                "<line x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"#999\" stroke-opacity=\"{strength}\"/>"
            );
            if last - y > APART {
                let _ = write!(
                    out,
                    "<text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                    LEFT - 6.0,
                    y + 4.0,
                    self.unit.show(tick)
                );
                last = y;
            }
        }
    }

    fn slope(&self, out: &mut String, frame: &Frame, from: (Timestamp, f64), to: (Timestamp, f64)) {
        // Cut to the time axis.
        let span = to.0.millis_since(from.0).max(1) as f64;
        let at = |time: Timestamp| {
            let passed = if time >= from.0 {
                time.millis_since(from.0) as f64
            } else {
                -(from.0.millis_since(time) as f64)
            };
            from.1 + (to.1 - from.1) * passed / span
        };
        let (start, end) = (from.0.max(self.dates.start), to.0.min(self.dates.end));
        if start < end {
            let _ = write!(
                out,
                "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"#888\" stroke-width=\"1.4\" stroke-dasharray=\"4 4\"/>",
                self.x(start),
                frame.y(at(start)),
                self.x(end),
                frame.y(at(end)),
            );
        }
    }

    fn marks(
        &self,
        out: &mut String,
        frame: &Frame,
        top: f64,
        (name, color): (&str, Color),
        marks: &[(Timestamp, String)],
    ) {
        row_name(out, top, name);
        for (time, text) in
            marks.iter().filter(|(time, _)| *time >= self.dates.start && *time <= self.dates.end)
        {
            let (x, color) = (self.x(*time), color.code());
            let _ = write!(
                out,
                "<g class=\"mark\"><title>{}</title><line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{:.1}\" y2=\"{:.1}\" stroke=\"{color}\" \
                 stroke-dasharray=\"2 3\"/><path d=\"M{x:.1} {:.1}l5 9h-10z\" fill=\"{color}\"/></g>",
                escape(text),
                frame.top,
                frame.bottom(),
                top + 2.0,
            );
        }
    }

    fn spans(&self, out: &mut String, top: f64, name: &str, color: Color, spans: &[(Timestamp, Timestamp)]) {
        row_name(out, top, name);
        for (from, to) in spans {
            let _ = write!(
                out,
                "<rect class=\"alert\" x=\"{:.1}\" width=\"{:.1}\" y=\"{:.1}\" height=\"10\" fill=\"{}\"/>",
                self.x(*from),
                (self.x(*to) - self.x(*from)).max(2.0),
                top + 2.0,
                color.code(),
            );
        }
    }
}

/// The name of a row below the values.
fn row_name(out: &mut String, top: f64, name: &str) {
    let _ = write!(
        out,
        "<text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
        LEFT - 6.0,
        top + 10.0,
        escape(name)
    );
}

/// What the legend says of a layer; levels and rows are named where they are.
fn in_legend(layer: &Layer) -> Option<(&str, Color)> {
    match layer {
        Layer::Line { name, color, .. } | Layer::Bars { name, color, .. } => Some((name, *color)),
        Layer::Slope { name, .. } => Some((name, Color::Gray)),
        Layer::Level { .. } | Layer::Spans { .. } | Layer::Marks { .. } => None,
    }
}

fn legend(out: &mut String, named: &[(&str, Color)]) {
    let mut x = LEFT;
    for (name, color) in named {
        let _ = write!(
            out,
            "<rect x=\"{x:.0}\" y=\"6\" width=\"10\" height=\"4\" fill=\"{}\"/><text x=\"{:.0}\" y=\"12\">{}</text>",
            color.code(),
            x + 14.0,
            escape(name)
        );
        x += 26.0 + LETTER * name.chars().count() as f64;
    }
}

/// The values of a layer for a script: numbers, and nothing for a gap.
fn data(values: &[Option<f64>]) -> String {
    let mut text = String::with_capacity(values.len() * 6);
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        if let Some(value) = value {
            let _ = match value.abs() {
                large if large >= 1e3 || large.fract() == 0.0 => write!(text, "{value:.0}"),
                _ => write!(text, "{}", (value * 1e6).round() / 1e6),
            };
        }
    }
    text
}

fn line(out: &mut String, frame: &Frame, name: &str, color: Color, values: &[Option<f64>]) {
    let last = values.len().max(2) - 1;
    let x = |index: usize| LEFT + (RIGHT - LEFT) * index as f64 / last as f64;
    let _ = write!(
        out,
        "<g class=\"values\" data-kind=\"line\" data-name=\"{}\" data-color=\"{}\" data-values=\"{}\">",
        escape(name),
        color.code(),
        data(values)
    );
    let numbered: Vec<(usize, &Option<f64>)> = values.iter().enumerate().collect();
    for part in numbered.split(|(_, value)| value.is_none()).filter(|part| !part.is_empty()) {
        let mut points = String::new();
        for (index, value) in part {
            let _ = write!(points, "{:.1},{:.1} ", x(*index), frame.y(value.unwrap_or_default()));
        }
        if let [(index, value)] = part {
            // A single value is a dot.
            let (x, y) = (x(*index), frame.y(value.unwrap_or_default()));
            let _ = write!(out, "<circle r=\"2\" cx=\"{x:.1}\" cy=\"{y:.1}\" fill=\"{}\"/>", color.code());
            continue;
        }
        let _ = write!(
            out,
            "<polyline fill=\"none\" stroke=\"{}\" stroke-width=\"1.6\" stroke-linejoin=\"round\" points=\"{}\"/>",
            color.code(),
            points.trim_end()
        );
    }
    out.push_str("</g>");
}

fn bars(
    out: &mut String,
    frame: &Frame,
    name: &str,
    color: Color,
    values: &[Option<f64>],
    stacked: &mut Vec<f64>,
) {
    stacked.resize(stacked.len().max(values.len()), 0.0);
    let width = (RIGHT - LEFT) / values.len().max(1) as f64;
    let gap = if width > 4.0 { 1.0 } else { 0.0 };
    let _ = write!(
        out,
        "<g class=\"values\" data-kind=\"bars\" data-name=\"{}\" data-color=\"{}\" data-values=\"{}\"><path fill=\"{}\" d=\"",
        escape(name),
        color.code(),
        data(values),
        color.code()
    );
    for (index, (value, below)) in values.iter().zip(stacked.iter_mut()).enumerate() {
        let Some(value) = value.filter(|value| *value > 0.0) else { continue };
        let x = LEFT + width * index as f64;
        let (from, to) = (frame.y(*below), frame.y(*below + value));
        // A bad event among millions can be seen.
        let height = (from - to).max(1.0);
        let _ = write!(
            out,
            "M{x:.1} {from:.1}h{:.1}v-{height:.1}h-{:.1}z",
            (width - gap).max(0.5),
            (width - gap).max(0.5)
        );
        *below += value;
    }
    out.push_str("\"/></g>");
}

fn level(out: &mut String, frame: &Frame, name: &str, color: Color, value: f64) {
    let y = frame.y(value);
    let _ = write!(
        out,
        "<line x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"{}\" stroke-dasharray=\"5 3\"/>\
         <text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\" class=\"level\">{}</text>",
        color.code(),
        RIGHT - 2.0,
        y - 3.0,
        escape(name)
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{artifact::Dates, model::Window};

    fn chart(unit: Unit, scale: Scale, layers: Vec<Layer>) -> String {
        let end = Timestamp::EPOCH.after(Window::days(2));
        let dates = Dates { start: Timestamp::EPOCH, end, zone: "UTC", shaded: vec![] };
        Chart { title: "a < b", dates, unit, scale, layers }.to_svg()
    }

    #[test]
    fn a_gap_splits_a_line() {
        let values = vec![Some(1.0), Some(2.0), None, Some(3.0)];
        let svg = chart(Unit::Count, Scale::Linear, vec![Layer::line("x", Color::Blue, values)]);
        assert_eq!((svg.matches("<polyline").count(), svg.matches("<circle").count()), (1, 1));
        assert!(svg.contains("<title>a &lt; b</title>") && svg.contains("data-values=\"1,2,,3\""), "{svg}");
    }

    #[test]
    fn bars_stand_on_each_other() {
        let good = Layer::bars("good", Color::Green, vec![Some(3.0), None]);
        let bad = Layer::bars("bad", Color::Red, vec![Some(1.0), Some(4.0)]);
        let svg = chart(Unit::Count, Scale::Linear, vec![good, bad]);
        // The second bar of `bad` stands on the ground, and is as high as the whole stack of the first.
        let top = 24.0;
        assert!(svg.contains(&format!("M56.0 {:.1}", top + HEIGHT * 0.25)), "{svg}");
        assert!(svg.contains(&format!("M344.0 {:.1}", top + HEIGHT)), "{svg}");
    }

    #[test]
    fn an_empty_chart_has_no_infinity() {
        for scale in [Scale::Linear, Scale::Log] {
            let svg = chart(Unit::Factor, scale, vec![Layer::line("x", Color::Blue, vec![None; 3])]);
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }
}
