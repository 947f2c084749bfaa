//! What the five contexts share: who there is, and what is to become of their data.

pub mod identity;
pub mod subject;
