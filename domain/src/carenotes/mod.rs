//! Write Care Notes: care homes, the people who live in them, and what staff plan, do and see there.
//!
//! One tenant is one [`organization`]. It runs [`facility`]s, where [`resident`]s stay; its staff
//! ([`staff_member`]) hold [`permission`] codes. A [`care_plan`] has a life of its own; everything else
//! that is written down is a [`record`]: an [`assessment`], a [`daily_record`], an [`audit`], an
//! [`incident`].
//!
//! To add a record: its file here with what it says and of whom, its twins in `commands` and
//! `projections`, and a line in the three `mod.rs`.

pub mod assessment;
pub mod audit;
pub mod calendar;
pub mod care_plan;
pub mod ciphertext;
pub mod daily_record;
pub mod facility;
pub mod incident;
pub mod organization;
pub mod permission;
pub mod record;
pub mod resident;
pub mod staff_member;

/// A form that is filled in. Each organization lays out its own, so what is in one is any JSON.
pub type Form = serde_json::Value;
