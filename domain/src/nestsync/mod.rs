//! NestSync: families keep clothing and supplies for their children in stock, log their use, and are
//! told what to reorder. One tenant is one family.

pub mod child;
pub mod family;
pub mod inventory_item;
pub mod permission;
pub mod quantity;
pub mod user;

/// Whether a text says anything.
fn is_filled(text: &str) -> bool {
    !text.trim().is_empty()
}
