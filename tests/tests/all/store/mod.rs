//! The log: dense, in order, append only, and shared by as many services as there are.

mod appends;
mod claims;
mod cqrs;
mod order;
mod put_back;
mod services;
mod snapshots;
mod start;
