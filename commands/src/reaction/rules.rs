//! Rules that judge: what is concerning, what is a decline, how long is too long. Configuration, with
//! a default for each; none of them can break what the domain guards.

use serde::{Deserialize, Serialize};

use crate::{carenotes, lift, nestsync, samia, shared};

/// The rules of all contexts. As TOML (`ANNALS_RULES` names the file), one table a context; what is not
/// there is as by default:
///
/// ```toml
/// [lift]
/// quiet_days = 21
/// urgent_flags = ["self_harm", "abuse", "danger"]
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// Write Care Notes.
    pub carenotes: carenotes::reactions::Rules,
    /// The Lift.
    pub lift: lift::reactions::Rules,
    /// NestSync.
    pub nestsync: nestsync::reactions::Rules,
    /// SAMIA TAROT.
    pub samia: samia::reactions::Rules,
    /// How long records about people are kept.
    pub shared: shared::retention::Rules,
}
