//! Commands of the context `lift`: who may ask, and what each leads to.
//!
//! Rights are asked in [`access`]; each aggregate has its file beside it.

pub mod access;
pub mod alert;
pub mod child;
pub mod data_export;
pub mod garden;
pub mod import;
pub mod invitation;
pub mod member;
pub mod organisation;
pub mod platform_setting;
pub mod reactions;
pub mod sticker_book;
pub mod wellbeing_session;

#[cfg(test)]
mod school;

use annals_domain::lift::{
    alert::Alert, child::Child, data_export::DataExport, garden::Garden, invitation::Invitation,
    member::Member, organisation::Organisation, platform_setting::PlatformSetting,
    sticker_book::StickerBook, wellbeing_session::WellbeingSession,
};

pub use data_export::EXPORTS;

use crate::{aggregate::AggregateType, catalogue::Context};

/// The context's commands and aggregates.
#[must_use]
pub fn context() -> Context {
    Context {
        name: "lift",
        about: "Children's wellbeing check-ins inside schools, clinics and hospitals.",
        aggregates: vec![
            AggregateType::of::<Organisation>(),
            AggregateType::of::<Member>(),
            AggregateType::of::<Child>(),
            AggregateType::of::<WellbeingSession>(),
            AggregateType::of::<Garden>(),
            AggregateType::of::<StickerBook>(),
            AggregateType::of::<Alert>(),
            AggregateType::of::<Invitation>(),
            AggregateType::of::<PlatformSetting>(),
            AggregateType::of::<DataExport>(),
        ],
        commands: [
            organisation::commands(),
            member::commands(),
            child::commands(),
            wellbeing_session::commands(),
            garden::commands(),
            sticker_book::commands(),
            alert::commands(),
            invitation::commands(),
            platform_setting::commands(),
            data_export::commands(),
        ]
        .into_iter()
        .flatten()
        .collect(),
        on_refused: None,
        region_of: None,
        reactions: Some(reactions::reactions()),
    }
}
