//! A reading on one screen.

use std::fmt::Write;

use super::reading::{Context, Reading};
use crate::{
    cli::{Output, Tone, table},
    ops::text::{bytes, count, number, span, time, visible},
};

/// A reading, for people.
pub(super) fn screen(reading: &Reading, output: Output) -> String {
    let mut text = String::new();
    let name = output.paint(Tone::Strong, &format!("Annals {}", reading.versions.annals));
    let nats = match &reading.versions.nats {
        Some(version) => format!("NATS {}", visible(version)),
        None => "NATS out of reach".to_owned(),
    };
    let postgres = visible(&reading.versions.postgres);
    let _ = writeln!(text, "{name}, Postgres {postgres}, {nats}  {}\n", time(reading.at));
    for (what, says) in [
        ("log", log(reading)),
        ("relay", works(reading.relay_active)),
        ("projectors", projectors(reading)),
        ("reactors", reactors(reading)),
        ("commands", services(reading)),
        ("keys", keys(reading)),
        ("signed", signed(reading)),
        ("erasures", erasures(reading)),
        ("exports", exports(reading)),
    ] {
        let _ = writeln!(text, "  {what:<11} {says}");
    }
    let rows = reading.contexts.iter().map(row);
    let headings =
        ["context", "rows at", "behind", "published", "behind", "epochs", "messages", "parked"];
    let _ = writeln!(text, "\n{}\n", table(output, headings, rows));
    for note in &reading.notes {
        let _ = writeln!(text, "{} {}", output.paint(Tone::Warn, "note:"), visible(note));
    }
    for fault in &reading.faults {
        let _ = writeln!(text, "{} {}", output.paint(Tone::Bad, "fault:"), visible(fault));
    }
    if reading.ok {
        let _ = writeln!(text, "{}", output.paint(Tone::Good, "Nothing stands still."));
    }
    text.trim_end().to_owned()
}

fn log(reading: &Reading) -> String {
    let log = &reading.log;
    let about = if log.commands_estimated { "about " } else { "" };
    let commands = count(log.commands, "command");
    let last = match log.recorded_at {
        Some(at) => {
            let age = (reading.at - at).num_milliseconds() as f64 / 1_000.0;
            format!(", the last {} ago, {}", span(age), time(at))
        }
        None => String::new(),
    };
    format!("{}{last}; {about}{commands}", count(log.position, "event"))
}

fn works(active: bool) -> String {
    if active { "at work" } else { "nobody" }.to_owned()
}

fn projectors(reading: &Reading) -> String {
    let active = |it: &&Context| it.projection.as_ref().is_some_and(|it| it.active);
    let (busy, idle): (Vec<_>, Vec<_>) = reading.contexts.iter().partition(active);
    let names = |these: Vec<&Context>| {
        these.iter().map(|it| it.name.as_str()).collect::<Vec<_>>().join(", ")
    };
    match (busy.is_empty(), idle.is_empty()) {
        (true, _) => works(false),
        (false, true) => works(true),
        (false, false) => format!("at work on {}; nobody on {}", names(busy), names(idle)),
    }
}

fn reactors(reading: &Reading) -> String {
    let each = reading.contexts.iter().filter_map(|it| Some(it.reactor.as_ref()?.line(&it.name)));
    let each: Vec<_> = each.collect();
    if each.is_empty() { works(false) } else { each.join("; ") }
}

fn services(reading: &Reading) -> String {
    let counts: Vec<_> = reading.contexts.iter().filter_map(|it| it.services).collect();
    match (counts.iter().min(), counts.iter().max()) {
        (Some(least), Some(most)) if least == most && *most > 0 => {
            format!("{} a context", count(*most as i64, "service"))
        }
        (Some(_), Some(0)) => works(false),
        (Some(_), Some(_)) => {
            let each = reading
                .contexts
                .iter()
                .map(|it| format!("{} {}", it.name, it.services.unwrap_or_default()));
            format!("services: {}", each.collect::<Vec<_>>().join(", "))
        }
        _ => "not known".to_owned(),
    }
}

fn keys(reading: &Reading) -> String {
    let keys = &reading.keys;
    if !keys.reachable {
        return "out of reach".to_owned();
    }
    format!("{}, {} destroyed", count(keys.live, "key"), number(keys.destroyed))
}

fn signed(reading: &Reading) -> String {
    let log = &reading.log;
    let notary = if log.notary_active { "a notary at work" } else { "no notary at work" };
    match (log.signed, log.signed_at) {
        (Some(size), Some(at)) => {
            let age = (reading.at - at).num_milliseconds() as f64 / 1_000.0;
            let left = count((log.position - size).max(0), "event");
            format!("up to {}, {} ago; {left} not yet; {notary}", number(size), span(age))
        }
        _ => format!("nothing; {notary}"),
    }
}

fn erasures(reading: &Reading) -> String {
    match reading.log.erasures_open {
        0 => "none under way".to_owned(),
        open => format!("{} under way", number(open)),
    }
}

fn exports(reading: &Reading) -> String {
    match (reading.log.exports_waiting, reading.log.exporter_active) {
        (0, true) => "none waits".to_owned(),
        (0, false) => "none waits; nobody would deliver one (ANNALS_EXPORTS_FOLDER)".to_owned(),
        (some, true) => format!("{} under way", number(some)),
        (some, false) => {
            format!("{} waiting; nobody delivers them (ANNALS_EXPORTS_FOLDER)", number(some))
        }
    }
}

fn row(context: &Context) -> [String; 8] {
    let dash = || "-".to_owned();
    let (at, behind, epoch) = match &context.projection {
        Some(rows) => {
            let mark = match (rows.stopped_at, rows.stale) {
                (Some(_), _) => " stopped",
                (None, true) => " stale",
                (None, false) => "",
            };
            let it = &rows.progress;
            (format!("{}{mark}", number(it.position)), it.behind(), it.epoch.to_string())
        }
        None => (dash(), dash(), dash()),
    };
    let (published, unpublished, published_epoch) = match &context.published {
        Some(it) => (number(it.position), it.behind(), it.epoch.to_string()),
        None => (dash(), dash(), dash()),
    };
    let stream = context.stream.as_ref().map_or_else(dash, |it| {
        let messages = i64::try_from(it.messages).unwrap_or(i64::MAX);
        let size = i64::try_from(it.bytes).unwrap_or(i64::MAX);
        format!("{} ({})", number(messages), bytes(size))
    });
    let parked = match (context.parked, context.skipped) {
        (parked, 0) => number(parked),
        (parked, skipped) => format!("{}, {} skipped", number(parked), number(skipped)),
    };
    let name = context.name.clone();
    let epochs = format!("{epoch}/{published_epoch}");
    [name, at, behind, published, unpublished, epochs, stream, parked]
}

#[cfg(test)]
mod tests {
    use super::{super::reading::tests::reading, *};

    #[test]
    fn everything_is_on_one_screen() {
        let mut it = reading();
        it.log.commands = 1_200;
        it.judge();
        let text = screen(&it, Output::plain());
        for part in [
            "Annals 0.1.0, Postgres 18.1, NATS out of reach  2026-01-02 12:00:00.000 UTC",
            "log         9 events, the last 1 d 0 h ago, 2026-01-01 12:00:00.000 UTC; 1\u{a0}200 commands",
            "relay       at work",
            "projectors  at work",
            "commands    1 service a context",
            "keys        2 keys, 0 destroyed",
            "Nothing stands still.",
        ] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
        assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
    }

    #[test]
    fn what_is_amiss_is_seen_in_its_line_and_said_below() {
        let mut it = reading();
        it.contexts[0].stream = Some(Default::default());
        it.contexts[0].skipped = 1;
        it.contexts[0].services = None;
        if let Some(rows) = &mut it.contexts[0].projection {
            rows.stopped_at = Some(8);
            rows.active = false;
        }
        it.relay_active = false;
        it.keys = Default::default();
        it.judge();
        let text = screen(&it, Output::plain());
        for part in [
            "9 stopped",
            "0 (0 B)",
            "0, 1 skipped",
            "relay       nobody",
            "projectors  nobody",
            "commands    not known",
            "keys        out of reach",
            "fault: lift stands still at position 8",
        ] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
    }
}
