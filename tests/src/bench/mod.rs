//! What the benchmark beside the peers makes of its samples: medians, ratios, goals and tables. It
//! measures nothing itself; `benches/peers` does.
//!
//! To add a goal: its line in [`GOALS`], over the names under which the benchmark adds its samples.

mod figures;
mod goals;
mod table;

pub use figures::{Figures, Spread, median};
pub use goals::{GOALS, Goal, Unit, Verdict};
pub use table::{latencies, markdown, thousands, verdicts};
