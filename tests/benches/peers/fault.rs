//! Why nothing could be measured.

use std::error::Error;

/// Whatever stands in the way ends the run; a benchmark has nobody to handle it.
pub type Fault = Box<dyn Error + Send + Sync>;

/// What came of a step.
pub type Done<T = ()> = Result<T, Fault>;
