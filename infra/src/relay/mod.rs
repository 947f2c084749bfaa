//! The relay: stored events, in order, onto JetStream.
//!
//! Postgres is the truth and the stream a cache with push. Nothing is published that is not stored,
//! everything stored is published, in order; where a stream turns out to be lost, purged, rewound or
//! made anew, a new epoch begins and the stream is filled again from what projections still need.

mod message;
mod publish;
mod run;
mod stream;

pub use message::{Envelope, Forged, MacKey, headers, subject, to_stored};
pub use run::{Relay, RelayError};
pub use stream::{stream_name, stream_subjects};
