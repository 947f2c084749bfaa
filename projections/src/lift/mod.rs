//! The read model of the context `lift`: what its events do to the documented tables.

pub mod alert;
pub mod child;
pub mod data_export;
pub mod garden;
pub mod invitation;
pub mod member;
pub mod organisation;
pub mod platform_setting;
pub mod sticker_book;
pub mod tables;
pub mod wellbeing_session;

use annals_domain::lift::{
    alert::Alert, child::Child, data_export::DataExport, garden::Garden, invitation::Invitation,
    member::Member, organisation::Organisation, platform_setting::PlatformSetting,
    sticker_book::StickerBook, wellbeing_session::WellbeingSession,
};

use crate::catalogue::{Context, projection};
#[cfg(test)]
use crate::testing;

/// The read model.
#[must_use]
pub fn context() -> Context {
    Context {
        name: "lift",
        tables: tables::TABLES,
        functions: tables::FUNCTIONS,
        views: tables::VIEWS,
        projections: vec![
            projection::<Organisation>(organisation::project),
            projection::<Member>(member::project),
            projection::<Child>(child::project),
            projection::<WellbeingSession>(wellbeing_session::project),
            projection::<Garden>(garden::project),
            projection::<StickerBook>(sticker_book::project),
            projection::<Alert>(alert::project),
            projection::<Invitation>(invitation::project),
            projection::<PlatformSetting>(platform_setting::project),
            projection::<DataExport>(data_export::project),
        ],
        every: None,
        before: None,
    }
}
