//! NestSync: families keep clothing and supplies for their children in stock, log their use, and are
//! told what to reorder. One tenant is one family.

pub mod activity;
pub mod billing;
pub mod calendar;
pub mod child;
pub mod family;
pub mod inventory_item;
pub mod notification;
pub mod notification_preference;
pub mod permission;
pub mod quantity;
pub mod usage;
pub mod user;

/// Whether a text says anything.
fn is_filled(text: &str) -> bool {
    !text.trim().is_empty()
}
