//! Rules that no story of a context comes upon, each broken on purpose over NATS: the code, and nothing stored.

mod lift;
mod nestsync;
mod samia;
mod shared;
