//! Markdown tables.

use super::{
    figures::{Figures, Spread},
    goals::{GOALS, Goal, Unit, Verdict},
};

/// A table; every row has as many cells as there are headings.
#[must_use]
pub fn markdown(headings: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: Vec<&str>| format!("| {} |\n", cells.join(" | "));
    let mut text = line(headings.to_vec());
    text.push_str(&line(headings.iter().map(|_| "---").collect()));
    for row in rows {
        text.push_str(&line(row.iter().map(String::as_str).collect()));
    }
    text
}

/// Each goal that was measured: figure, what is beside it, ratio, goal, reached or how far.
#[must_use]
pub fn verdicts(figures: &Figures) -> String {
    let rows: Vec<Vec<String>> = GOALS
        .iter()
        .filter_map(|goal| goal.verdict(figures).map(|verdict| row(figures, goal, &verdict)))
        .collect();
    markdown(&["", "Annals", "beside it", "ratio", "to reach", ""], &rows)
}

fn row(figures: &Figures, goal: &Goal, verdict: &Verdict) -> Vec<String> {
    let beside = match (goal.beside_says(), verdict.theirs) {
        (Some(says), Some(theirs)) => format!("{says}: {}", goal.unit.write(theirs.median)),
        // Beside every zero stands how much was looked at.
        _ => figures
            .spread(&format!("{}.of", verdict.our_name))
            .map(|of| format!("of {}", thousands(of.median)))
            .unwrap_or_default(),
    };
    let ratio = if verdict.theirs.is_some() { times(verdict.ratio) } else { String::new() };
    let came = match (verdict.reached, goal.unit) {
        (true, _) => "reached".to_owned(),
        (false, Unit::Count) => "**missed**".to_owned(),
        (false, _) if verdict.missed_by > 1.0 => {
            format!("**missed: {} × the goal**", thousands(verdict.missed_by.round() + 1.0))
        }
        (false, _) => format!("**missed by {:.0} %**", (verdict.missed_by * 100.0).max(1.0)),
    };
    let ours = spread(verdict.ours, |it| goal.unit.write(it));
    vec![goal.says.to_owned(), ours, beside, ratio, goal.wanted(), came]
}

/// Rates and waits of contenders at levels: `12,016 (8,725–13,830); 2.17 / 6.53`.
#[must_use]
pub fn latencies(
    figures: &Figures,
    load: &str,
    contenders: &[(&str, &str)],
    levels: &[u32],
) -> String {
    let mut headings = vec![format!("{load}: per second (min–max); p50 / p99 in ms")];
    headings.extend(levels.iter().map(|level| format!("{level} in flight")));
    let rows: Vec<Vec<String>> = contenders
        .iter()
        .map(|(name, says)| {
            let mut row = vec![(*says).to_owned()];
            row.extend(levels.iter().map(|level| cell(figures, &format!("{name}.{load}.{level}"))));
            row
        })
        .collect();
    markdown(&headings.iter().map(String::as_str).collect::<Vec<_>>(), &rows)
}

fn cell(figures: &Figures, name: &str) -> String {
    let Some(rate) = figures.spread(&format!("{name}.rate")) else { return "–".to_owned() };
    let wait = |which: &str| {
        let spread = figures.spread(&format!("{name}.{which}"));
        spread.map_or_else(|| "–".to_owned(), |it| millis(it.median))
    };
    format!("{}; {} / {}", spread(rate, thousands), wait("p50"), wait("p99"))
}

fn spread(spread: Spread, write: impl Fn(f64) -> String) -> String {
    if spread.count < 2 {
        return write(spread.median);
    }
    format!(
        "{} ({}–{})",
        write(spread.median),
        plain(&write(spread.min)),
        plain(&write(spread.max))
    )
}

/// Without the unit.
fn plain(text: &str) -> &str {
    text.split(['/', ' ']).next().unwrap_or(text)
}

fn times(ratio: Spread) -> String {
    let write = |it: f64| if it < 10.0 { format!("{it:.2}") } else { format!("{it:.1}") };
    format!("{} ×", spread(ratio, write))
}

/// A number with commas, to one place where it is small.
#[must_use]
pub fn thousands(number: f64) -> String {
    if number != number.round() && number.abs() < 100.0 {
        return format!("{number:.1}");
    }
    let digits = format!("{:.0}", number.abs());
    let mut text = String::from(if number < 0.0 { "-" } else { "" });
    for (nth, digit) in digits.chars().enumerate() {
        if nth > 0 && (digits.len() - nth).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Milliseconds, to as many places as say something.
#[must_use]
pub fn millis(millis: f64) -> String {
    match millis {
        it if it < 10.0 => format!("{it:.2}"),
        it if it < 100.0 => format!("{it:.1}"),
        it => thousands(it.round()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_can_be_pasted() {
        let rows = [vec!["a".to_owned(), "1".to_owned()]];
        assert_eq!(
            markdown(&["what", "so many"], &rows),
            "| what | so many |\n| --- | --- |\n| a | 1 |\n"
        );
    }

    #[test]
    fn a_goals_row_says_figure_peer_ratio_goal_and_how_far() {
        let mut figures = Figures::default();
        for (ours, theirs) in [(40_000.0, 12_000.0), (30_000.0, 12_000.0), (30_000.0, 15_000.0)] {
            figures.add("annals.many.512.rate", ours);
            figures.add("sql.many.32.rate", theirs);
        }
        let table = verdicts(&figures);
        let row = table.lines().nth(2).unwrap();
        assert_eq!(
            row,
            "| many wallets, 512 in flight, beside plain SQL | 30,000/s (30,000–40,000) | \
             plain SQL's best: 12,000/s | 2.50 (2.00–3.33) × | ≥ 3 × | **missed by 17 %** |"
        );
        assert_eq!(table.lines().count(), 3);
    }

    #[test]
    fn a_zero_stands_beside_how_much_was_looked_at() {
        let mut figures = Figures::default();
        figures.add("zero.lost", 0.0);
        figures.add("zero.lost.of", 1_000_000.0);
        figures.add("annals.open.rows.p99", 45.0);
        let table = verdicts(&figures);
        assert!(table.contains("| 0 | of 1,000,000 |  | 0 | reached |"), "{table}");
        assert!(
            table.contains("| 45.0 ms |  |  | ≤ 15.0 ms | **missed: 3 × the goal** |"),
            "{table}"
        );
    }

    #[test]
    fn a_level_that_was_not_measured_is_a_dash() {
        let mut figures = Figures::default();
        figures.add("sql.many.8.rate", 9_896.4);
        figures.add("sql.many.8.p50", 0.731);
        figures.add("sql.many.8.p99", 11.91);
        let table = latencies(&figures, "many", &[("sql", "plain SQL")], &[8, 32]);
        assert_eq!(table.lines().nth(2).unwrap(), "| plain SQL | 9,896; 0.73 / 11.9 | – |");
    }

    #[test]
    fn numbers_can_be_read() {
        assert_eq!((thousands(1_234_567.4), thousands(0.0), thousands(8.5)).0, "1,234,567");
        assert_eq!((thousands(0.0), thousands(8.5), thousands(-1_000.0)).2, "-1,000");
        assert_eq!((millis(0.4712), millis(12.34), millis(1_345.6)).2, "1,346");
    }
}
