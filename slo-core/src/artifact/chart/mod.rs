//! Charts as SVG elements, in the colours of the page that shows them.

mod burn_down;
mod chart;
mod dates;
mod draw;
mod heat;
mod spark;

pub use burn_down::burn_down_picture;
pub use chart::{Chart, Color, Layer, Scale, Unit};
pub use dates::Dates;
pub use heat::HeatMap;
pub use spark::sparkline;
