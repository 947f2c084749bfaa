//! What holds of everything there is, whoever adds to it.

mod arrows;
mod commands;
mod events;
mod schema;
mod twice;
