//! Pure layout: an answer, a size and what is folded make a [`Scene`] of boxes, lines and text. Whoever shows it knows
//! colours and fonts; nothing here knows whether that is a screen or paper.

mod bars;
pub mod body;
mod evicted;
pub mod figures;
mod flame;
mod fold;
pub mod fonts;
mod minimap;
mod palette;
mod points;
mod scale;
mod scene;
mod skeleton;
#[cfg(test)]
mod tests;
mod waterfall;

pub use bars::{Bars, Lane};
pub use evicted::{Zone, evicted, hatch};
pub use flame::{Flame, FlameBox, Operation, operations};
pub use fold::{Alike, Folds, Group, Row, Rows, find};
pub use minimap::minimap;
pub use palette::{DARK, LIGHT, Palette};
pub use points::{Point, Points};
pub use scale::Scale;
pub use scene::{Anchor, Area, Face, Ink, Item, Scene, hue, is_striped, letters, mono_width, pin, pin_letters};
pub use skeleton::{Oddity, Skeleton, Span};
pub use waterfall::{Waterfall, critical_strip};
