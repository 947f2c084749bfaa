//! Which trace a piece of work belongs to (W3C Trace Context).

use std::fmt;

use annals_commands::envelope::TraceContext;
use uuid::Uuid;

/// A span of a trace: what is sent on as `traceparent` and kept in an event's metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParent {
    trace: u128,
    span: u64,
    sampled: bool,
}

impl TraceParent {
    /// A span below the caller's, or the first of a new trace.
    #[must_use]
    pub fn below(caller: Option<TraceContext<'_>>) -> Self {
        let span = new_span();
        let from = |caller: TraceContext<'_>| {
            let trace = u128::from_str_radix(caller.trace_id, 16).ok()?;
            Some(Self { trace, span, sampled: caller.sampled })
        };
        let first = || Self { trace: Uuid::new_v4().as_u128(), span, sampled: true };
        caller.and_then(from).unwrap_or_else(first)
    }

    /// A span below this one.
    #[must_use]
    pub fn child(self) -> Self {
        Self { span: new_span(), ..self }
    }

    /// The trace's id, 32 hexadecimal digits.
    #[must_use]
    pub fn trace_id(&self) -> String {
        format!("{:032x}", self.trace)
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "00-{:032x}-{:016x}-{:02x}", self.trace, self.span, u8::from(self.sampled))
    }
}

/// A span's id is never zero; the bits that say "version 4" see to that.
fn new_span() -> u64 {
    Uuid::new_v4().as_u64_pair().0
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALLER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

    #[test]
    fn a_trace_goes_on_below_its_caller() {
        let span = TraceParent::below(TraceContext::read(CALLER));
        assert_eq!(span.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        let (written, child) = (span.to_string(), span.child().to_string());
        assert!(written.ends_with("-00") && written != CALLER && child != written);
        assert!(TraceContext::read(&written).is_some() && TraceContext::read(&child).is_some());
    }

    #[test]
    fn a_trace_begins_where_there_was_none() {
        let (one, other) = (TraceParent::below(None), TraceParent::below(None));
        assert_ne!(one.trace_id(), other.trace_id());
        assert!(TraceContext::read(&one.to_string()).is_some_and(|read| read.sampled));
    }
}
