//! Restorative Records: one record per person, an introduction and a narrative, seen and written by
//! that person alone.

pub mod record;
