//! Where the points of an answer go.

use crate::{
    answer::Points,
    steps::Piece,
    values::{Labels, Sample},
};

/// Keeps every point.
#[derive(Default)]
pub(crate) struct Samples {
    labels: Labels,
    pub(crate) found: Vec<Sample>,
}

impl Points for Samples {
    fn series(&mut self, labels: Labels) {
        self.labels = labels;
    }

    fn point(&mut self, time: f64, value: f64) {
        self.found.push(Sample { labels: self.labels.clone(), time, value });
    }
}

/// Hands on the points of a piece, with the number of their step.
pub(crate) struct Placed<F> {
    piece: Piece,
    labels: Labels,
    point: F,
}

impl<F: FnMut(&Labels, usize, f64)> Placed<F> {
    pub(crate) fn new(piece: Piece, point: F) -> Self {
        Self { piece, labels: Labels::new(), point }
    }
}

impl<F: FnMut(&Labels, usize, f64)> Points for Placed<F> {
    fn series(&mut self, labels: Labels) {
        self.labels = labels;
    }

    fn point(&mut self, time: f64, value: f64) {
        if let Some(index) = self.piece.index(time) {
            (self.point)(&self.labels, index, value);
        }
    }
}

/// Adds warnings that were not there yet.
pub(crate) fn add(warnings: &mut Vec<String>, told: Vec<String>) {
    for warning in told {
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }
}
