//! What a check found.

use serde::Serialize;

use crate::{
    cli::{Output, Tone},
    ops::text::visible,
};

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    /// As it should be.
    Ok,
    /// It could not be checked.
    Skipped,
    /// It works, and should be looked at.
    Warning,
    /// It is wrong.
    Failed,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// What was checked, in a word or two.
    pub check: &'static str,
    /// How it went.
    pub verdict: Verdict,
    /// What was seen.
    pub seen: String,
    /// What to do, where something is to be done.
    pub advice: Option<String>,
}

impl Finding {
    /// As it should be.
    pub fn ok(check: &'static str, seen: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Ok, seen: seen.into(), advice: None }
    }

    /// It could not be checked.
    pub fn skipped(check: &'static str, why: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Skipped, seen: why.into(), advice: None }
    }

    /// It works, and should be looked at.
    pub fn warning(
        check: &'static str,
        seen: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { check, verdict: Verdict::Warning, seen: seen.into(), advice: Some(advice.into()) }
    }

    /// It is wrong.
    pub fn failed(check: &'static str, seen: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Failed, seen: seen.into(), advice: Some(advice.into()) }
    }

    /// Wrong where anything is listed, with one advice for all; else as it should be.
    pub fn none_of(
        check: &'static str,
        found: &[String],
        advice: &str,
        seen: impl Into<String>,
    ) -> Self {
        if found.is_empty() {
            Self::ok(check, seen)
        } else {
            Self::failed(check, some(found), advice)
        }
    }

    /// A check that Postgres refused to answer.
    pub fn unanswered(check: &'static str, error: &sqlx::Error) -> Self {
        match error.as_database_error().and_then(|it| it.code()).as_deref() {
            Some("42501") => Self::skipped(check, "the login may not see it"),
            _ => Self::failed(check, format!("Postgres: {error}"), "see what Postgres logged"),
        }
    }

    /// One line, and one more with what to do.
    pub fn in_words(&self, output: Output) -> String {
        let (mark, tone) = match self.verdict {
            Verdict::Ok => ("ok  ", Tone::Good),
            Verdict::Skipped => ("skip", Tone::Faint),
            Verdict::Warning => ("warn", Tone::Warn),
            Verdict::Failed => ("FAIL", Tone::Bad),
        };
        let line =
            format!("{} {:<15} {}", output.paint(tone, mark), self.check, visible(&self.seen));
        match &self.advice {
            Some(advice) => format!("{line}\n{:20} → {}", "", visible(advice)),
            None => line,
        }
    }
}

/// A few of a list, and how many more there are.
pub(super) fn some(all: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown = all.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    match all.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_a_line_and_what_to_do_another() {
        let fine = Finding::ok("fsync", "on").in_words(Output::plain());
        assert_eq!(fine, "ok   fsync           on");
        let wrong = Finding::failed("fsync", "off", "switch it on").in_words(Output::plain());
        assert_eq!(wrong, "FAIL fsync           off\n                     → switch it on");
    }

    #[test]
    fn a_long_list_is_cut() {
        let all: Vec<_> = (1..=7).map(|it| it.to_string()).collect();
        assert_eq!(some(&all), "1, 2, 3, 4, 5 and 2 more");
        assert_eq!(Finding::none_of("x", &[], "", "none").verdict, Verdict::Ok);
        assert_eq!(Finding::none_of("x", &all, "mend", "").verdict, Verdict::Failed);
    }
}
