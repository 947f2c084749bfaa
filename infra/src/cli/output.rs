//! Tables and colours, where somebody is there to see them.

use std::io::{self, IsTerminal, Write};

use comfy_table::{Cell, ColumnConstraint, ContentArrangement, Table, Width, presets};

/// What a piece of text is, for the eye.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// It went well.
    Good,
    /// It did not.
    Bad,
    /// Mind this.
    Warn,
    /// A heading or a name.
    Strong,
    /// Beside the point.
    Faint,
}

/// Who reads what is written: a person at a terminal, or something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Output {
    colour: bool,
    width: Option<u16>,
}

impl Output {
    /// The process's standard output. Colour only on a terminal, and not where `NO_COLOR` is set.
    #[must_use]
    pub fn stdout() -> Self {
        let terminal = io::stdout().is_terminal();
        let width = if terminal { None } else { Some(WIDTH_OF_FILES) };
        Self { colour: terminal && wants_colour(), width }
    }

    /// The process's standard error output.
    #[must_use]
    pub fn stderr() -> Self {
        Self { colour: io::stderr().is_terminal() && wants_colour(), width: None }
    }

    /// A file or a pipe: no colour, lines of 120 characters.
    #[must_use]
    pub const fn plain() -> Self {
        Self { colour: false, width: Some(WIDTH_OF_FILES) }
    }

    /// The text in its tone.
    #[must_use]
    pub fn paint(self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Good => "32",
            Tone::Bad => "31",
            Tone::Warn => "33",
            Tone::Strong => "1",
            Tone::Faint => "2",
        };
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

const WIDTH_OF_FILES: u16 = 120;
/// What a terminal that says nothing, or nonsense, is taken to have.
const NARROWEST: u16 = 60;
/// Words up to this length are not broken.
const WHOLE_WORD: u16 = 30;

fn wants_colour() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|text| !text.is_empty());
    !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Rows under headings, without lines, as wide as there is room.
#[must_use]
pub fn table<const COLUMNS: usize>(
    output: Output,
    headings: [&str; COLUMNS],
    rows: impl IntoIterator<Item = [String; COLUMNS]>,
) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    if let Some(width) = output.width {
        table.set_width(width);
    } else if table.width().is_none_or(|width| width < NARROWEST) {
        table.set_width(NARROWEST);
    }
    table.set_header(headings.map(|heading| Cell::new(heading.to_uppercase())));
    let mut longest = headings.map(str::len);
    for row in rows {
        for (longest, cell) in longest.iter_mut().zip(&row) {
            let words = cell.split_whitespace().map(|word| word.chars().count());
            *longest = (*longest).max(words.max().unwrap_or_default());
        }
        table.add_row(row.map(|text| visible(&text)));
    }
    for (column, longest) in table.column_iter_mut().zip(longest) {
        let whole = u16::try_from(longest).unwrap_or(WHOLE_WORD).min(WHOLE_WORD) + 2;
        column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(whole)));
    }
    let text: Vec<_> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    match text.split_first() {
        Some((heading, rest)) => {
            let heading = output.paint(Tone::Strong, heading);
            std::iter::once(heading).chain(rest.iter().cloned()).collect::<Vec<_>>().join("\n")
        }
        None => String::new(),
    }
}

/// Writes a result to the standard output. A reader that has gone away has read enough.
pub fn say(text: &str) {
    let _ = writeln!(io::stdout().lock(), "{text}");
}

/// Writes to the standard error output what is no result.
pub fn complain(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// A text without control characters, which could speak to the terminal; line breaks stay.
pub(super) fn visible(text: &str) -> String {
    text.chars()
        .map(|letter| if letter.is_control() && letter != '\n' { '\u{fffd}' } else { letter })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_headings_and_no_trailing_space() {
        let rows = [["a".to_owned(), "first".to_owned()], ["bcd".to_owned(), "x".to_owned()]];
        let text = table(Output::plain(), ["name", "text"], rows);
        assert_eq!(text, " NAME  TEXT\n a     first\n bcd   x");
    }

    #[test]
    fn long_cells_are_wrapped() {
        let text = table(Output::plain(), ["a", "b"], [["x".into(), "word ".repeat(60)]]);
        assert!(text.lines().count() > 2 && text.lines().all(|line| line.len() <= 120));
    }

    #[test]
    fn nothing_speaks_to_the_terminal() {
        assert_eq!(visible("a\u{1b}[31m\n\u{7}b"), "a\u{fffd}[31m\n\u{fffd}b");
        assert_eq!(Output::plain().paint(Tone::Bad, "no"), "no");
        let colourful = Output { colour: true, width: None };
        assert_eq!(colourful.paint(Tone::Bad, "no"), "\u{1b}[31mno\u{1b}[0m");
    }
}
