//! The headers of a request.

use super::{
    ids::is_command_id,
    unreadable::{Fault, Unreadable},
};

const COMMAND_ID: &str = "Nats-Msg-Id";
const AUTHORIZATION: &str = "Authorization";
const TRACEPARENT: &str = "traceparent";
const TRACESTATE: &str = "tracestate";
const CORRELATION_ID: &str = "Annals-Correlation-Id";
const DRY_RUN: &str = "Annals-Dry-Run";
const AWAIT: &str = "Annals-Await";
const OURS: &str = "Annals-";

const MAX_TOKEN: usize = 8 * 1024;
const MAX_TRACESTATE: usize = 512;

/// What a request's headers say. Names are compared without regard to case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestHeaders<'a> {
    /// `Nats-Msg-Id`: the command's id, its idempotency key.
    pub command_id: &'a str,
    /// `Authorization: Bearer …`: the token, not verified yet.
    pub token: Option<Token<'a>>,
    /// `traceparent` and `tracestate`, if they are valid; else a trace begins here (as W3C has it).
    pub trace: Option<TraceContext<'a>>,
    /// `Annals-Correlation-Id`, or the trace's id, or the command's.
    pub correlation_id: &'a str,
    /// `Annals-Dry-Run: 1`: decide, but store nothing.
    pub dry_run: bool,
    /// `Annals-Await: projected`: answer when the tables show it.
    pub await_projected: bool,
}

/// A bearer token, which `Debug` does not show.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Token<'a>(pub &'a str);

impl std::fmt::Debug for Token<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Token(…)")
    }
}

/// The trace that a request belongs to (W3C Trace Context).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext<'a> {
    /// The whole `traceparent`.
    pub parent: &'a str,
    /// The trace's id, 32 hexadecimal digits.
    pub trace_id: &'a str,
    /// The id of the span that asks, 16 hexadecimal digits.
    pub span_id: &'a str,
    /// Whether the caller records this trace.
    pub sampled: bool,
    /// `tracestate`, passed on as it is.
    pub state: Option<&'a str>,
}

impl<'a> TraceContext<'a> {
    /// Reads a `traceparent`; `None` where it is not valid.
    #[must_use]
    pub fn read(parent: &'a str) -> Option<Self> {
        let is_hex = |text: &str| {
            text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'))
        };
        let mut parts = parent.splitn(5, '-');
        let (version, trace_id, span_id, flags) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let rest = parts.next();
        let lengths = [version.len(), trace_id.len(), span_id.len(), flags.len()];
        let valid = lengths == [2, 32, 16, 2]
            && [version, trace_id, span_id, flags].into_iter().all(is_hex)
            && version != "ff"
            && (version != "00" || rest.is_none())
            && trace_id.bytes().any(|digit| digit != b'0')
            && span_id.bytes().any(|digit| digit != b'0');
        let flags = u8::from_str_radix(flags, 16).ok()?;
        valid.then_some(Self { parent, trace_id, span_id, sampled: flags & 1 == 1, state: None })
    }
}

/// The headers as they came, before any is checked.
#[derive(Default)]
struct Raw<'a> {
    command_id: One<'a>,
    authorization: One<'a>,
    traceparent: One<'a>,
    tracestate: One<'a>,
    correlation_id: One<'a>,
    dry_run: One<'a>,
    awaits: One<'a>,
    unknown: bool,
}

/// A header that may be there once.
#[derive(Default, Clone, Copy)]
enum One<'a> {
    #[default]
    Absent,
    Once(&'a str),
    Twice,
}

impl<'a> One<'a> {
    fn add(&mut self, value: &'a str) {
        *self = match self {
            Self::Absent => Self::Once(value),
            Self::Once(before) if *before == value => return,
            Self::Once(_) | Self::Twice => Self::Twice,
        };
    }

    /// The value, if there is one and it fits.
    fn fitting(self, fits: impl Fn(&str) -> bool, else_: Fault) -> Result<Option<&'a str>, Fault> {
        match self {
            Self::Absent => Ok(None),
            Self::Once(value) if fits(value) => Ok(Some(value)),
            Self::Once(_) | Self::Twice => Err(else_),
        }
    }
}

impl<'a> RequestHeaders<'a> {
    /// Reads the headers that belong to commands and passes over the others. A header given twice
    /// with different values is refused, and so is one that begins with `Annals-` and does not exist:
    /// a misspelt dry run must not be a real one.
    ///
    /// # Errors
    /// The command's id is missing, or a header does not fit.
    pub fn read(headers: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, Unreadable> {
        let mut raw = Raw::default();
        for (name, value) in headers {
            raw.add(name, value.trim());
        }
        raw.checked().map_err(|fault| {
            let command_id = raw.command_id().ok().map(str::to_owned);
            Unreadable { command_id, ..fault.anywhere() }
        })
    }
}

impl<'a> Raw<'a> {
    fn add(&mut self, name: &str, value: &'a str) {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        if is(COMMAND_ID) {
            self.command_id.add(value);
        } else if is(AUTHORIZATION) {
            self.authorization.add(value);
        } else if is(TRACEPARENT) {
            self.traceparent.add(value);
        } else if is(TRACESTATE) {
            self.tracestate.add(value);
        } else if is(CORRELATION_ID) {
            self.correlation_id.add(value);
        } else if is(DRY_RUN) {
            self.dry_run.add(value);
        } else if is(AWAIT) {
            self.awaits.add(value);
        } else if name.get(..OURS.len()).is_some_and(|start| start.eq_ignore_ascii_case(OURS)) {
            self.unknown = true;
        }
    }

    fn checked(&self) -> Result<RequestHeaders<'a>, Fault> {
        let command_id = self.command_id()?;
        if self.unknown {
            return Err(Fault::UnknownHeader);
        }
        let trace = self.trace();
        let correlation_id = self.correlation_id.fitting(
            is_command_id,
            Fault::InvalidHeader {
                name: CORRELATION_ID,
                expected: "1 to 128 printable ASCII characters and no space",
            },
        )?;
        let correlation_id =
            correlation_id.or(trace.map(|trace| trace.trace_id)).unwrap_or(command_id);
        Ok(RequestHeaders {
            command_id,
            token: self.token()?,
            trace,
            correlation_id,
            dry_run: self.dry_run()?,
            await_projected: self.await_projected()?,
        })
    }

    fn command_id(&self) -> Result<&'a str, Fault> {
        let id = self.command_id.fitting(is_command_id, Fault::CommandIdUnusable)?;
        id.ok_or(Fault::CommandIdMissing)
    }

    fn token(&self) -> Result<Option<Token<'a>>, Fault> {
        let Some(value) = self.authorization.fitting(|_| true, Fault::NotABearerToken)? else {
            return Ok(None);
        };
        let token = value
            .split_once(' ')
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim_start())
            .filter(|token| !token.is_empty() && token.len() <= MAX_TOKEN)
            .filter(|token| token.bytes().all(|byte| byte.is_ascii_graphic()));
        token.map(|token| Some(Token(token))).ok_or(Fault::NotABearerToken)
    }

    fn trace(&self) -> Option<TraceContext<'a>> {
        let One::Once(parent) = self.traceparent else {
            return None;
        };
        let state = match self.tracestate {
            One::Once(state)
                if state.len() <= MAX_TRACESTATE
                    && state.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) =>
            {
                Some(state)
            }
            _ => None,
        };
        TraceContext::read(parent).map(|trace| TraceContext { state, ..trace })
    }

    fn dry_run(&self) -> Result<bool, Fault> {
        let known = |value: &str| matches!(value, "1" | "true" | "0" | "false");
        let fault = Fault::InvalidHeader { name: DRY_RUN, expected: "1 or 0" };
        let value = self.dry_run.fitting(known, fault)?;
        Ok(matches!(value, Some("1" | "true")))
    }

    fn await_projected(&self) -> Result<bool, Fault> {
        let fault = Fault::InvalidHeader { name: AWAIT, expected: "projected" };
        Ok(self.awaits.fitting(|value| value == "projected", fault)?.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: (&str, &str) = ("Nats-Msg-Id", "c-1");
    const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn refused(headers: &[(&str, &str)]) -> Option<Fault> {
        RequestHeaders::read(headers.iter().copied()).err().map(|no| no.fault)
    }

    fn read<'a>(headers: &[(&'a str, &'a str)]) -> RequestHeaders<'a> {
        RequestHeaders::read(headers.iter().copied()).expect("these headers fit")
    }

    #[test]
    fn a_command_needs_one_id() {
        assert_eq!(refused(&[]), Some(Fault::CommandIdMissing));
        for bad in ["", "a b", "é"] {
            assert_eq!(refused(&[("nats-msg-id", bad)]), Some(Fault::CommandIdUnusable));
        }
        assert_eq!(refused(&[ID, ("Nats-Msg-Id", "c-2")]), Some(Fault::CommandIdUnusable));
        assert_eq!(read(&[ID, ID]).command_id, "c-1");
    }

    #[test]
    fn the_token_is_what_follows_bearer() {
        assert_eq!(read(&[ID, ("authorization", "bearer a.b.c")]).token, Some(Token("a.b.c")));
        assert_eq!(read(&[ID]).token, None);
        let huge = format!("Bearer {}", "x".repeat(MAX_TOKEN + 1));
        for bad in ["", "a.b.c", "Basic abc", "Bearer ", "Bearer a b", "Bearer é", &huge] {
            assert_eq!(refused(&[ID, ("Authorization", bad)]), Some(Fault::NotABearerToken));
        }
        let two = [ID, ("Authorization", "Bearer a"), ("Authorization", "Bearer b")];
        assert_eq!(refused(&two), Some(Fault::NotABearerToken));
    }

    #[test]
    fn a_token_is_not_shown() {
        let headers = read(&[ID, ("Authorization", "Bearer secret-token")]);
        assert!(!format!("{headers:?}").contains("secret-token"));
    }

    #[test]
    fn the_correlation_is_given_or_the_traces_or_the_commands() {
        assert_eq!(read(&[ID]).correlation_id, "c-1");
        let traced = read(&[ID, ("traceparent", TRACE)]);
        assert_eq!(traced.correlation_id, "4bf92f3577b34da6a3ce929d0e0e4736");
        assert!(traced.trace.is_some_and(|trace| trace.sampled));
        let given = [ID, ("traceparent", TRACE), ("annals-correlation-id", "order-7")];
        assert_eq!(read(&given).correlation_id, "order-7");
        assert!(matches!(
            refused(&[ID, ("Annals-Correlation-Id", "order 7")]),
            Some(Fault::InvalidHeader { name: CORRELATION_ID, .. })
        ));
    }

    #[test]
    fn a_trace_that_is_not_valid_is_passed_over() {
        let later = "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00-more";
        assert!(TraceContext::read(later).is_some_and(|trace| !trace.sampled));
        for bad in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01",
        ] {
            assert_eq!(TraceContext::read(bad), None, "{bad}");
            assert_eq!(read(&[ID, ("traceparent", bad)]).correlation_id, "c-1");
        }
    }

    #[test]
    fn trace_state_goes_with_its_parent_only() {
        let state = ("tracestate", "vendor=1,other=2");
        let trace = read(&[ID, ("traceparent", TRACE), state]).trace;
        assert_eq!(trace.and_then(|trace| trace.state), Some("vendor=1,other=2"));
        assert_eq!(read(&[ID, state]).trace, None);
    }

    #[test]
    fn flags_are_plain_or_refused() {
        let plain = read(&[ID]);
        assert!(!plain.dry_run && !plain.await_projected);
        let both = read(&[ID, ("Annals-Dry-Run", "1"), ("Annals-Await", "projected")]);
        assert!(both.dry_run && both.await_projected);
        assert!(!read(&[ID, ("Annals-Dry-Run", "0")]).dry_run);
        for bad in [("Annals-Dry-Run", "yes"), ("Annals-Dry-Run", ""), ("Annals-Await", "stored")] {
            assert!(matches!(refused(&[ID, bad]), Some(Fault::InvalidHeader { .. })), "{bad:?}");
        }
        let both_ways = [ID, ("Annals-Dry-Run", "1"), ("Annals-Dry-Run", "0")];
        assert!(matches!(refused(&both_ways), Some(Fault::InvalidHeader { .. })));
    }

    #[test]
    fn a_misspelt_header_of_ours_is_refused_and_others_are_passed_over() {
        assert_eq!(refused(&[ID, ("Annals-DryRun", "1")]), Some(Fault::UnknownHeader));
        assert_eq!(refused(&[ID, ("Content-Type", "application/json"), ("X-Ours", "1")]), None);
    }

    #[test]
    fn the_answer_names_the_command_where_it_is_known() {
        let no = RequestHeaders::read([ID, ("Annals-DryRun", "1")]).unwrap_err();
        let problem = no.problem();
        assert_eq!(problem.command_id.as_deref(), Some("c-1"));
        assert_eq!((problem.status, problem.code.as_str()), (400, "unknown_field"));
        assert!(problem.errors.is_empty());
    }
}
