//! The read model of the context `lift`.

pub mod alert;
pub mod garden;
pub mod sticker_book;
pub mod tables;
pub mod wellbeing_session;

#[cfg(test)]
mod testing;

use annals_domain::lift::{
    alert::Alert, garden::Garden, sticker_book::StickerBook, wellbeing_session::WellbeingSession,
};

use crate::catalogue::{Context, projection};

/// The read model.
#[must_use]
pub fn context() -> Context {
    Context {
        name: "lift",
        tables: &[],
        functions: "",
        views: &[],
        projections: vec![
            projection::<WellbeingSession>(wellbeing_session::project),
            projection::<Garden>(garden::project),
            projection::<StickerBook>(sticker_book::project),
            projection::<Alert>(alert::project),
        ],
        every: None,
    }
}
