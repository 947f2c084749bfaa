//! Every value that can be configured, and where each came from.
//!
//! Layers, the later ones winning: defaults, a TOML file (`ANNALS_CONFIG`, else `./annals.toml` if it
//! is there), the environment, flags. Commands that talk to a running system may also look into
//! `.dev/env`, which `annals dev` writes; it lies between the defaults and the file.
//!
//! ```no_run
//! use annals_infra::settings::{Flags, Sources};
//!
//! let resolved = Sources::of_process(Flags::default()).resolve();
//! for warning in resolved.warnings() {
//!     eprintln!("{warning}");
//! }
//! let settings = resolved.settings()?;
//! println!("metrics on http://{}/metrics", settings.http);
//! # Ok::<(), annals_infra::settings::Complaints>(())
//! ```
//!
//! To add a setting: its entry in [`list`]. The field, the variable, the key in the file, the flag,
//! the line in `annals config` and its documentation all come from there.

mod flags;
mod kinds;
mod layers;
mod list;
mod mask;
mod nats;
mod nearest;
#[cfg(test)]
mod tests;

pub use flags::Flags;
pub use kinds::{
    Contexts, DatabaseUrl, Jwks, Kept, LogFormat, NatsUrl, ReplyPrefixes, Role, Roles,
};
pub use layers::{Complaint, Complaints, Level, Origin, Resolved, Sources, Value};
pub use list::{ALL, Fallback, Setting, Settings, Shown};
pub use mask::{Hidden, mask_url};
pub use nats::nats_options;
pub use nearest::nearest;
