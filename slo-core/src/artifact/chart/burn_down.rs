//! The burn-down of an error budget.

use super::{Chart, Color, Dates, Layer, Scale, Unit};
use crate::model::{Timestamp, Window};

/// The most points of a curve.
const POINTS: usize = 600;

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
    let values =
        spaced(remaining).into_iter().map(|left| Some(left).filter(|left| left.is_finite())).collect();
    let unknown;
    let dates = if let Some(dates) = dates {
        dates
    } else {
        // Without a zone there are no labels.
        let end = Timestamp::EPOCH.after(Window::days(1));
        unknown = Dates { start: Timestamp::EPOCH, end, zone: "", shaded: Vec::new() };
        &unknown
    };
    let even =
        Layer::Slope { name: "spent evenly".to_owned(), from: (dates.start, 1.0), to: (dates.end, ideal) };
    let left = Layer::line("left", Color::Blue, values);
    let chart = Chart {
        title: "Error budget left",
        dates: dates.clone(),
        unit: Unit::Share,
        scale: Scale::Linear,
        layers: vec![even, left],
    };
    chart.to_svg()
}

/// At most [`POINTS`] values, evenly spaced: the first, the lowest of each stretch, and the last.
fn spaced(remaining: &[f64]) -> Vec<f64> {
    if remaining.len() <= POINTS {
        return remaining.to_vec();
    }
    let inner = POINTS - 2;
    let lowest = (0..inner).filter_map(|part| {
        let stretch = remaining.get(remaining.len() * part / inner..remaining.len() * (part + 1) / inner)?;
        stretch.iter().copied().min_by(f64::total_cmp)
    });
    remaining.first().copied().into_iter().chain(lowest).chain(remaining.last().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_curve_keeps_its_ends_and_its_lowest_value() {
        let curve: Vec<f64> = (0..50_000).map(|index| if index == 33_333 { -2.0 } else { 1.0 }).collect();
        let shown = spaced(&curve);
        assert_eq!((shown.len(), shown.iter().filter(|left| **left < 0.0).count()), (POINTS, 1));
        assert_eq!(spaced(&[1.0, 0.5]), [1.0, 0.5]);
    }
}
