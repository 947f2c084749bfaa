//! The page for people: plain words, no script, nothing from elsewhere; it prints, and a screen reader
//! finds its way by headings and captions.

use std::{collections::BTreeMap, fmt::Write};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::{DECIDED, Dossier, Event, OTHERS, Version};

const STYLE: &str = "\
:root{color-scheme:light dark}\
body{font:1rem/1.6 system-ui,sans-serif;max-width:58rem;margin:0 auto;padding:1.5rem}\
h1{font-size:1.7rem;line-height:1.25}h2{margin-top:2.5rem;border-bottom:2px solid}h3{margin-top:1.8rem}\
table{border-collapse:collapse;width:100%;margin:.6rem 0}\
caption{text-align:left;font-weight:600;padding:.3rem 0}\
th,td{border:1px solid #767676;padding:.35rem .6rem;text-align:left;vertical-align:top;overflow-wrap:anywhere}\
th{width:32%}small{display:block;font-weight:400}\
.withheld{font-style:italic}ol.story{padding-left:1.2rem}ol.story>li{margin:.9rem 0}\
summary{cursor:pointer}a:focus,summary:focus{outline:3px solid #1a66d6;outline-offset:2px}\
.skip{position:absolute;left:-99rem}.skip:focus{position:static}\
@media print{details>*{display:block}}";

/// The page.
pub fn page(dossier: &Dossier) -> String {
    let mut html = String::with_capacity(64 * 1024);
    let title = format!("What is kept about this {}", words(&dossier.kind));
    let _ = write!(
        html,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"robots\" content=\"noindex\">\n<title>{0}</title>\n<style>{STYLE}</style>\n</head>\n\
         <body>\n<a class=\"skip\" href=\"#main\">Skip to the content</a>\n<header><h1>{0}</h1></header>\n",
        escaped(&title)
    );
    contents(&mut html);
    html.push_str("<main id=\"main\">\n");
    summary(&mut html, dossier);
    now(&mut html, dossier);
    story(&mut html, dossier);
    before(&mut html, dossier);
    people(&mut html, dossier);
    withheld(&mut html, dossier);
    check(&mut html, dossier);
    html.push_str("</main>\n</body>\n</html>\n");
    html
}

fn contents(html: &mut String) {
    html.push_str("<nav aria-label=\"Contents\"><ul>\n");
    for (id, name) in [
        ("summary", "In short"),
        ("now", "What is kept now"),
        ("story", "What happened"),
        ("before", "How it was before"),
        ("people", "Who acted"),
        ("withheld", "What is withheld, and why"),
        ("check", "How to check this copy"),
    ] {
        let _ = writeln!(html, "<li><a href=\"#{id}\">{name}</a></li>");
    }
    html.push_str("</ul></nav>\n");
}

fn summary(html: &mut String, dossier: &Dossier) {
    let _ = write!(
        html,
        "<h2 id=\"summary\">In short</h2>\n\
         <p>This is a copy of what the service “{}” keeps about one {}, made on {}. The number by which \
         the service knows this {} is <code>{}</code>.</p>\n\
         <ul><li>{} in its tables now</li><li>{} that happened</li>\
         <li>{} of how records were before</li><li>{} who acted</li><li>{} withheld</li></ul>\n\
         <p>You may ask for what is wrong to be corrected, and for what need not be kept to be erased.</p>\n",
        escaped(&dossier.context),
        escaped(&words(&dossier.kind)),
        day(dossier.at),
        escaped(&words(&dossier.kind)),
        escaped(&dossier.id),
        count(dossier.rows.len(), "record"),
        count(dossier.events.len(), "thing"),
        count(dossier.versions.len(), "version"),
        count(dossier.people.len(), "actor"),
        count(dossier.withheld.len(), "place"),
    );
}

fn now(html: &mut String, dossier: &Dossier) {
    html.push_str("<h2 id=\"now\">What is kept now</h2>\n");
    if dossier.rows.is_empty() {
        html.push_str("<p>Nothing.</p>\n");
    }
    let mut last = "";
    for (nth, (table, row)) in dossier.rows.iter().enumerate() {
        if table != last {
            let _ = writeln!(html, "<h3>{}</h3>", escaped(&capital(&words(table))));
            if let Some(meaning) = dossier.meanings.get(table) {
                let _ = writeln!(html, "<p>{}</p>", escaped(meaning));
            }
            last = table;
        }
        let caption = format!("{} {}", capital(&words(table)), nth + 1);
        record(html, &caption, table, row, &dossier.meanings);
    }
}

/// A record as a table: what each field is, and what it holds.
fn record(
    html: &mut String,
    caption: &str,
    table: &str,
    row: &Map<String, Value>,
    meanings: &BTreeMap<String, String>,
) {
    let _ = writeln!(html, "<table><caption>{}</caption><tbody>", escaped(caption));
    for (name, value) in row.iter().filter(|(_, value)| !is_nothing(value)) {
        let meaning = meanings.get(&format!("{table}.{name}"));
        let meaning =
            meaning.map(|it| format!("<small>{}</small>", escaped(it))).unwrap_or_default();
        let _ = writeln!(
            html,
            "<tr><th scope=\"row\">{}{meaning}</th><td>{}</td></tr>",
            escaped(&capital(&words(name))),
            shown(value)
        );
    }
    html.push_str("</tbody></table>\n");
}

fn story(html: &mut String, dossier: &Dossier) {
    html.push_str(
        "<h2 id=\"story\">What happened</h2>\n<p>Everything that was recorded, the oldest first.</p>\n\
         <ol class=\"story\">\n",
    );
    for event in &dossier.events {
        let _ = write!(
            html,
            "<li><strong>{}</strong> on {}, by {}",
            escaped(&capital(&words(&snake(&event.event_type)))),
            time(event.recorded_at),
            actor(dossier, event),
        );
        if let Some(reason) = &event.reason {
            let _ = write!(html, ", because: “{}”", escaped(reason));
        }
        let fields = event.content.as_object().cloned().unwrap_or_default();
        if fields.values().any(|value| !is_nothing(value)) {
            html.push_str("<details><summary>What was written</summary>\n");
            record(html, "What was written", "", &fields, &BTreeMap::new());
            html.push_str("</details>");
        }
        html.push_str("</li>\n");
    }
    html.push_str("</ol>\n");
}

fn actor(dossier: &Dossier, event: &Event) -> String {
    let is_subject = dossier.people.iter().any(|it| it.actor == event.actor && it.is_subject);
    match (is_subject, event.actor_kind.as_str()) {
        (true, _) => "the person themselves".to_owned(),
        (false, "system") => "the service itself".to_owned(),
        (false, "operator") => "whoever operates the service".to_owned(),
        (false, _) => format!("somebody else (<code>{}</code>)", event.actor),
    }
}

fn before(html: &mut String, dossier: &Dossier) {
    html.push_str("<h2 id=\"before\">How it was before</h2>\n");
    if !dossier.has_past {
        html.push_str("<p>The service keeps no earlier versions of its records.</p>\n");
        return;
    }
    let earlier: Vec<&Version> =
        dossier.versions.iter().filter(|version| version.until.is_some()).collect();
    if earlier.is_empty() {
        html.push_str("<p>No record was ever different from what it is now.</p>\n");
    }
    for version in earlier {
        let until = version.until.as_deref().unwrap_or_default();
        let caption = format!(
            "{}, from {} to {}",
            capital(&words(&version.table)),
            moment(&version.from),
            moment(until)
        );
        let _ = writeln!(html, "<details><summary>{}</summary>", escaped(&caption));
        record(html, &caption, &version.table, &version.row, &BTreeMap::new());
        html.push_str("</details>\n");
    }
}

fn people(html: &mut String, dossier: &Dossier) {
    html.push_str(
        "<h2 id=\"people\">Who acted</h2>\n<p>Whoever wrote or changed any of it, or read what is most \
         sensitive. Other people’s names are theirs and are not given; the service can tell them apart by \
         their numbers.</p>\n\
         <table><caption>Actors</caption><thead><tr><th scope=\"col\">Who</th><th scope=\"col\">How \
         often</th><th scope=\"col\">First and last time</th><th scope=\"col\">What they did</th></tr>\
         </thead><tbody>\n",
    );
    for person in &dossier.people {
        let who = match (person.is_subject, person.kind.as_str()) {
            (true, _) => "The person themselves".to_owned(),
            (false, "system") => "The service itself".to_owned(),
            (false, "operator") => "Whoever operates the service".to_owned(),
            (false, _) => format!("Somebody else, <code>{}</code>", person.actor),
        };
        let did: Vec<String> = person.commands.iter().map(|it| escaped(&words(it))).collect();
        let _ = writeln!(
            html,
            "<tr><td>{who}</td><td>{}</td><td>{} to {}</td><td>{}</td></tr>",
            person.acts,
            day(person.first),
            day(person.last),
            did.join(", ")
        );
    }
    html.push_str("</tbody></table>\n");
}

fn withheld(html: &mut String, dossier: &Dossier) {
    html.push_str("<h2 id=\"withheld\">What is withheld, and why</h2>\n");
    if dossier.withheld.is_empty() {
        html.push_str("<p>Nothing was withheld.</p>\n");
        return;
    }
    html.push_str(
        "<p>These fields hold something, and it is not given. What is about another person is that \
         person’s; the law lets a copy leave it out.</p>\n<table><caption>Withheld</caption><thead>\
         <tr><th scope=\"col\">Where</th><th scope=\"col\">Fields</th><th scope=\"col\">Why</th></tr>\
         </thead><tbody>\n",
    );
    for item in &dossier.withheld {
        let fields: Vec<String> = item.fields.iter().map(|it| escaped(&words(it))).collect();
        let _ = writeln!(
            html,
            "<tr><td>{}</td><td>{}</td><td>{}</td></tr>",
            escaped(&item.place),
            fields.join(", "),
            escaped(item.why.trim_start_matches("withheld: "))
        );
    }
    html.push_str("</tbody></table>\n");
}

fn check(html: &mut String, dossier: &Dossier) {
    let _ = write!(
        html,
        "<h2 id=\"check\">How to check this copy</h2>\n\
         <p>The file <code>manifest</code> beside this page names every file of this copy with its hash \
         (SHA-256), and is signed by the service. Whoever has the service’s verifier key finds out with \
         <code>annals verify --bundle</code> and the folder’s name whether anything was changed since. \
         <code>events.proof</code>, where it is there, shows that what happened stands in the signed log, \
         up to place {} of it. The same records are here for programs, as <code>.jsonl</code> and \
         <code>.parquet</code>.</p>\n",
        dossier.position
    );
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) if text == OTHERS || text == DECIDED => {
            format!("<span class=\"withheld\">{}</span>", escaped(text))
        }
        Value::String(text) => escaped(&moment(text)),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Null => "nothing".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Array(items) => {
            items.iter().map(|item| format!("{}<br>", shown(item))).collect::<String>()
        }
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| format!("{}: {}<br>", escaped(&words(name)), shown(value)))
            .collect::<String>(),
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::String(text) => text.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// A time as people write it, where the text is one.
fn moment(text: &str) -> String {
    match DateTime::parse_from_rfc3339(text) {
        Ok(at) if text.len() > 18 => time(at.with_timezone(&Utc)),
        _ => text.to_owned(),
    }
}

fn time(at: DateTime<Utc>) -> String {
    at.format("%-d %B %Y, %H:%M UTC").to_string()
}

fn day(at: DateTime<Utc>) -> String {
    at.format("%-d %B %Y").to_string()
}

fn count(number: usize, what: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{number} {what}{s}")
}

fn snake(name: &str) -> String {
    annals_domain::refusal::snake_case(name)
}

fn words(name: &str) -> String {
    name.replace(['_', '.'], " ")
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_people_wrote_is_text_on_the_page_and_nothing_else() {
        let row = json!({"notes": "<script>alert('x')</script>", "name": OTHERS, "at": "2026-05-03T10:00:00Z"});
        let dossier = Dossier {
            kind: "staff_member".into(),
            rows: vec![("users".into(), row.as_object().cloned().unwrap())],
            ..Dossier::default()
        };
        let page = page(&dossier);
        assert!(!page.contains("<script"));
        assert!(page.contains("&lt;script&gt;alert(&#39;x&#39;)"));
        assert!(page.contains("What is kept about this staff member"));
        assert!(page.contains(r#"<span class="withheld">withheld: about another person</span>"#));
        assert!(page.contains("3 May 2026, 10:00 UTC"));
        for part in ["<html lang=\"en\">", "<main", "<h1>", "scope=\"row\"", "<caption>"] {
            assert!(page.contains(part), "{part}");
        }
        // Nothing is fetched from anywhere.
        assert!(!page.contains("http") && !page.contains("src="));
    }
}
