//! The Lift: children's wellbeing check-ins inside schools, clinics and hospitals.
//!
//! One tenant is one organisation. A person is a [`member`], in one of four roles; a child is a
//! member besides, in a stream of its own. To add an aggregate: its file here, its twins in
//! `commands` and `projections`, and a line in the three `mod.rs`.

pub mod alert;
pub mod child;
pub mod data_export;
pub mod garden;
pub mod invitation;
pub mod member;
pub mod organisation;
pub mod platform_setting;
pub mod sticker_book;
pub mod wellbeing_session;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a person is on the platform. (lift.profiles.role.check)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Role {
    /// Administers the platform, all organisations of it; belongs to none.
    Account,
    /// Administers one organisation.
    GroupContact,
    /// Teacher, counsellor or psychologist of one organisation.
    Practitioner,
    /// Pupil or patient of one organisation.
    Child,
}

impl Role {
    /// Whether it is one of the two roles that look after an organisation's children.
    #[must_use]
    pub const fn is_staff(self) -> bool {
        matches!(self, Self::Practitioner | Self::GroupContact)
    }
}
