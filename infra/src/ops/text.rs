//! Words and numbers for people.

use chrono::{DateTime, Utc};

/// A text without control characters, which could speak to the terminal.
pub(super) fn visible(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
}

/// A time to the millisecond, in UTC.
pub(super) fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S%.3f UTC").to_string()
}

/// A whole number with a space between thousands.
pub(super) fn number(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    for (nth, digit) in digits.chars().enumerate() {
        if nth > 0 && (digits.len() - nth).is_multiple_of(3) {
            text.push('\u{a0}');
        }
        text.push(digit);
    }
    if number < 0 { format!("-{text}") } else { text }
}

/// "1 event", "2 events".
pub(super) fn count(amount: i64, one: &str) -> String {
    let plural = if amount == 1 { "" } else { "s" };
    format!("{} {one}{plural}", number(amount))
}

/// A size in the largest unit that leaves a whole number.
pub(super) fn bytes(size: i64) -> String {
    let mut size = size as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        if size < 1_000.0 {
            return if unit == "B" { format!("{size:.0} B") } else { format!("{size:.1} {unit}") };
        }
        size /= 1_000.0;
    }
    format!("{size:.1} TB")
}

/// A span of time in its two largest units.
pub(super) fn span(seconds: f64) -> String {
    let whole = seconds.max(0.0) as i64;
    match whole {
        0 => format!("{:.0} ms", seconds.max(0.0) * 1_000.0),
        1..60 => format!("{seconds:.1} s"),
        60..3_600 => format!("{} min {} s", whole / 60, whole % 60),
        3_600..86_400 => format!("{} h {} min", whole / 3_600, whole % 3_600 / 60),
        _ => format!("{} d {} h", whole / 86_400, whole % 86_400 / 3_600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_sizes_and_spans_read_easily() {
        assert_eq!(number(1_234_567), "1\u{a0}234\u{a0}567");
        assert_eq!((number(-12), number(999)), ("-12".into(), "999".into()));
        assert_eq!((count(1, "event"), count(0, "event")), ("1 event".into(), "0 events".into()));
        assert_eq!((bytes(999), bytes(12_345)), ("999 B".into(), "12.3 kB".into()));
        assert_eq!(bytes(5_000_000_000_000), "5.0 TB");
        for (seconds, text) in
            [(0.25, "250 ms"), (2.04, "2.0 s"), (61.0, "1 min 1 s"), (90_061.0, "1 d 1 h")]
        {
            assert_eq!(span(seconds), text);
        }
    }

    #[test]
    fn nothing_speaks_to_the_terminal() {
        assert_eq!(visible("a\u{1b}[31m\nb"), "a\u{fffd}[31m\u{fffd}b");
    }
}
