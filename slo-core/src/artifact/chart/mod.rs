//! Charts as SVG elements, in the colours of the page that shows them.

mod burn_down;
mod dates;
mod draw;
mod heat;
mod layers;
mod spark;

pub use burn_down::burn_down_picture;
pub use dates::Dates;
pub use heat::HeatMap;
pub use layers::{Chart, Color, Layer, Scale, Unit};
pub use spark::sparkline;
