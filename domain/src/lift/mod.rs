//! The Lift: children's wellbeing check-ins inside schools, clinics and hospitals.

pub mod alert;
pub mod garden;
pub mod sticker_book;
pub mod wellbeing_session;
