//! The form of an export: JSON Lines, with a line about it first and one that closes it last.

use std::io::BufRead;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The version of the form.
const VERSION: u32 = 1;
/// A line longer than this is none of ours.
const LONGEST: usize = 8 << 20;

/// The first line: what the file is an export of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Always `annals export`.
    pub format: String,
    /// The version of the form.
    pub version: u32,
    /// The context.
    pub context: String,
    /// What the tenant is: an organisation, a family, a person.
    pub is: String,
    /// The tenant; none where the rows are of all tenants.
    #[serde(default)]
    pub tenant: Option<String>,
    /// When it was read.
    pub at: DateTime<Utc>,
}

impl Head {
    /// The head of an export that begins now.
    #[must_use]
    pub fn new(context: &str, is: &str, tenant: Option<String>, at: DateTime<Utc>) -> Self {
        let (context, is) = (context.to_owned(), is.to_owned());
        Self { format: FORMAT.to_owned(), version: VERSION, context, is, tenant, at }
    }
}

const FORMAT: &str = "annals export";

/// A row of a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// The table, without its schema; `auth.users` for accounts.
    pub table: String,
    /// The columns.
    pub row: Map<String, Value>,
    /// Whether it is not the tenant's, and came along because its rows refer to it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub outside: bool,
}

/// The last line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct End {
    /// How many rows there were.
    pub rows: u64,
}

/// Something does not fit, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Wrong {
    /// The line, from 1.
    pub line: u64,
    /// The table, where that is known.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub table: String,
    /// What is wrong. Names columns and rules, never values.
    pub what: String,
}

impl Wrong {
    /// Something does not fit.
    #[must_use]
    pub fn new(line: u64, table: &str, what: impl Into<String>) -> Self {
        Self { line, table: table.to_owned(), what: what.into() }
    }
}

impl std::fmt::Display for Wrong {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let of = if self.table.is_empty() { "" } else { ": " };
        write!(out, "line {}{of}{}: {}", self.line, self.table, self.what)
    }
}

/// Why rows were not moved.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// Lines do not fit. Nothing was stored.
    #[error("{} not fit; nothing was imported", does(.0.len()))]
    Wrong(Vec<Wrong>),
    /// The command makes no sense for these tables.
    #[error("{0}")]
    Usage(String),
    /// A rule stands against it, or somebody got there first.
    #[error("{0}")]
    Refused(String),
    /// The file cannot be read or written.
    #[error("{0}")]
    File(#[from] std::io::Error),
    /// Postgres refuses, or does not answer.
    #[error("Postgres: {0}")]
    Postgres(#[from] sqlx::Error),
    /// The engine could not store it now; the same import goes on later.
    #[error("{0}; the same command goes on where this one stopped")]
    Unavailable(String),
}

fn does(count: usize) -> String {
    if count == 1 { "1 line does".to_owned() } else { format!("{count} lines do") }
}

/// What a line holds, with its number.
pub type Numbered = (u64, Result<Line, Wrong>);

/// Reads a file, line after line.
pub struct Reader<R> {
    input: R,
    line: u64,
    rows: u64,
    ended: bool,
}

impl<R: BufRead> Reader<R> {
    /// Reads the first line.
    ///
    /// # Errors
    /// The file is no export, or of a version that is not known.
    pub fn open(input: R) -> Result<(Head, Self), TransferError> {
        let mut reader = Self { input, line: 0, rows: 0, ended: false };
        let text = reader.text()?.unwrap_or_default();
        let no = |what: &str| TransferError::Wrong(vec![Wrong::new(1, "", what)]);
        let head: Head = serde_json::from_str(&text).map_err(|_| {
            no("this is not the first line of an export (annals export makes them)")
        })?;
        if head.format != FORMAT {
            return Err(no("this is not an export of annals"));
        }
        if head.version != VERSION {
            return Err(no(&format!("exports of version {} are not known here", head.version)));
        }
        Ok((head, reader))
    }

    /// The next row with the number of its line; none at the end. A line that is no row is told, and
    /// the next can be read.
    ///
    /// # Errors
    /// The file cannot be read any further.
    pub fn row(&mut self) -> Result<Option<Numbered>, TransferError> {
        loop {
            let Some(text) = self.text()? else {
                let what = "the file ends here without its last line: it was cut off";
                let cut = !std::mem::replace(&mut self.ended, true);
                return Ok(cut.then(|| (self.line + 1, Err(Wrong::new(self.line + 1, "", what)))));
            };
            let line = self.line;
            if self.ended {
                return Ok(Some((
                    line,
                    Err(Wrong::new(line, "", "this comes after the last line")),
                )));
            }
            if let Ok(End { rows }) = serde_json::from_str(&text) {
                self.ended = true;
                if rows != self.rows {
                    let what = format!("{rows} rows were written, {} are here", self.rows);
                    return Ok(Some((line, Err(Wrong::new(line, "", what)))));
                }
                continue;
            }
            self.rows += 1;
            return Ok(Some((line, row(line, &text))));
        }
    }

    fn text(&mut self) -> Result<Option<String>, TransferError> {
        let mut bytes = Vec::new();
        let mut limited = std::io::Read::take(&mut self.input, LONGEST as u64 + 1);
        if limited.read_until(b'\n', &mut bytes)? == 0 {
            return Ok(None);
        }
        self.line += 1;
        let no = |what: &str| TransferError::Wrong(vec![Wrong::new(self.line, "", what)]);
        if bytes.len() > LONGEST {
            return Err(no("a line has more than 8 MiB"));
        }
        let text = String::from_utf8(bytes).map_err(|_| no("this is not UTF-8"))?;
        Ok(Some(text))
    }
}

fn row(line: u64, text: &str) -> Result<Line, Wrong> {
    serde_json::from_str(text).map_err(|error| {
        // serde's sentence may quote a value; its place does not.
        let what = if error.is_data() {
            "a row has the fields table, row and perhaps outside, and no other".to_owned()
        } else {
            format!("this is no JSON, from column {}", error.column())
        };
        Wrong::new(line, "", what)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = r#"{"format":"annals export","version":1,"context":"lift","is":"organisation","tenant":null,"at":"2026-01-01T00:00:00Z"}"#;

    fn told(body: &str) -> Vec<String> {
        let text = format!("{HEAD}\n{body}");
        let (_, mut reader) = Reader::open(text.as_bytes()).unwrap();
        let mut told = Vec::new();
        while let Some((line, read)) = reader.row().unwrap() {
            told.push(
                read.map_or_else(|wrong| wrong.to_string(), |row| format!("{line} {}", row.table)),
            );
        }
        told
    }

    #[test]
    fn rows_come_with_their_lines_and_the_last_line_counts_them() {
        let body = "{\"table\":\"a\",\"row\":{}}\n{\"table\":\"b\",\"row\":{}}\n{\"rows\":2}\n";
        assert_eq!(told(body), ["2 a", "3 b"]);
    }

    #[test]
    fn what_is_no_row_is_told_by_its_line_and_the_next_is_read() {
        let body = "{oops}\n{\"table\":\"a\"}\n{\"table\":\"a\",\"row\":{}}\n{\"rows\":3}\n";
        let fields = "a row has the fields table, row and perhaps outside, and no other";
        let expected = [
            "line 2: this is no JSON, from column 2".to_owned(),
            format!("line 3: {fields}"),
            "4 a".into(),
        ];
        assert_eq!(told(body), expected);
    }

    #[test]
    fn a_file_that_was_cut_off_or_grew_is_none() {
        assert!(told("{\"table\":\"a\",\"row\":{}}\n")[1].contains("cut off"));
        assert!(told("{\"rows\":1}\n")[0].contains("0 are here"));
        assert!(told("{\"rows\":0}\n{\"table\":\"a\",\"row\":{}}\n")[0].contains("after the last"));
        assert!(Reader::open(&b"{}\n"[..]).is_err());
        assert!(Reader::open(&b""[..]).is_err());
    }
}
