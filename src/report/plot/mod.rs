//! Plots as SVG: a metric over a parameter with its spread over repeated runs, distributions of a metric, and metrics against
//! each other.
//!
//! A [`Chart`], a [`Histogram`] or a [`Corner`] holds what is shown; its `to_svg` draws it, dark on white. The colours are those of Okabe
//! and Ito, which colour-blind readers can tell apart; series differ in their markers as well.
//!
//! | module | what it knows |
//! |---|---|
//! | `chart`, `histogram`, `corner` | what is shown |
//! | `layout`, `panel` | where the parts of a chart go, and drawing them |
//! | `position`, `scale`, `value_axis` | the axes: ranges, ticks, labels |
//! | `style` | colours and markers |
//! | `svg` | the SVG text |
//! | `words` | text widths, wrapping and shortening |

mod chart;
mod corner;
mod histogram;
mod layout;
mod panel;
mod position;
mod scale;
mod style;
mod svg;
mod value_axis;
mod words;

pub use chart::{Chart, Panel, Positions, Spot};
pub use corner::{Corner, CornerSeries};
pub use histogram::{Distribution, Histogram};
pub use style::MOST_SERIES;

#[cfg(test)]
mod tests;
