//! The one binary of Annals.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// A command is some hundred small allocations, made on one thread and freed on another: what glibc is
/// slowest at. It took a third of the command service's time.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    annals_infra::app::main()
}
