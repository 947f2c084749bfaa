//! What holds of everything there is, whoever adds to it.

mod arrows;
mod commands;
mod contract;
mod events;
mod refusals;
mod schema;
mod twice;
