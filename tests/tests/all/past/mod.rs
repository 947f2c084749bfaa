//! The past: every version of every row, read as of any instant under the rights of today.

mod as_of;
mod kept;
