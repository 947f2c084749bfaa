//! Every refusal of every aggregate is met over NATS: in a story, or in a test of its own. What cannot be met
//! there is listed with its reason.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use annals_commands::Catalogue;
use annals_domain::refusal::snake_case;
use annals_tests::stories;

/// A context and a code of it.
type Code = (String, String);

/// The service answers `already_exists` before an aggregate is asked to begin a second time.
const EXISTS: &str = "already_exists";
/// The service answers `unknown_aggregate` before one that never began is asked anything.
const UNKNOWN: &str = "unknown_aggregate";

/// Codes that no request gets to see, and why: what the service answers first, or what its form of an id rules
/// out. The aggregates' own tests hold them; they guard what reactions and imports send as well.
const OUT_OF_REACH: &[(&str, &str, &str)] = &[
    ("shared", EXISTS, "identity_already_registered"),
    ("lift", EXISTS, "alert_already_raised"),
    ("lift", EXISTS, "child_already_registered"),
    ("lift", EXISTS, "export_already_requested"),
    ("lift", EXISTS, "invitation_already_made"),
    ("lift", EXISTS, "organisation_already_registered"),
    ("lift", EXISTS, "profile_already_exists"),
    ("lift", EXISTS, "session_already_started"),
    ("lift", UNKNOWN, "export_not_requested"),
    ("carenotes", EXISTS, "assessment_already_recorded"),
    ("carenotes", EXISTS, "audit_already_conducted"),
    ("carenotes", EXISTS, "care_plan_already_drafted"),
    ("carenotes", EXISTS, "daily_care_already_recorded"),
    ("carenotes", EXISTS, "facility_already_opened"),
    ("carenotes", EXISTS, "incident_already_reported"),
    ("carenotes", EXISTS, "organization_already_registered"),
    ("carenotes", EXISTS, "resident_already_admitted"),
    ("carenotes", EXISTS, "staff_member_already_added"),
    ("carenotes", UNKNOWN, "assessment_unknown"),
    ("carenotes", UNKNOWN, "audit_unknown"),
    ("carenotes", UNKNOWN, "care_plan_unknown"),
    ("carenotes", UNKNOWN, "daily_record_unknown"),
    ("carenotes", UNKNOWN, "facility_unknown"),
    ("carenotes", UNKNOWN, "incident_unknown"),
    ("carenotes", UNKNOWN, "organization_unknown"),
    ("carenotes", UNKNOWN, "resident_unknown"),
    ("carenotes", UNKNOWN, "staff_member_unknown"),
    ("nestsync", EXISTS, "child_already_added"),
    ("nestsync", EXISTS, "family_already_created"),
    ("nestsync", EXISTS, "item_already_added"),
    ("nestsync", EXISTS, "notification_already_queued"),
    ("nestsync", EXISTS, "user_already_registered"),
    ("nestsync", UNKNOWN, "child_unknown"),
    ("nestsync", UNKNOWN, "family_unknown"),
    ("nestsync", UNKNOWN, "item_unknown"),
    ("nestsync", UNKNOWN, "notification_unknown"),
    ("nestsync", UNKNOWN, "user_unknown"),
    ("samia", UNKNOWN, "call_not_found"),
    ("samia", UNKNOWN, "card_not_in_deck"),
    ("samia", UNKNOWN, "configuration_not_found"),
    ("samia", UNKNOWN, "profile_not_found"),
    ("samia", UNKNOWN, "reading_not_found"),
    ("samia", UNKNOWN, "room_not_found"),
    ("samia", UNKNOWN, "security_event_not_found"),
    ("samia", UNKNOWN, "spread_not_found"),
    ("samia", "an id has at most 128 characters, a key 255", "configuration_key_too_long"),
];

/// Every refusal that there is.
fn refusals() -> BTreeSet<Code> {
    let catalogue = Catalogue::new();
    let of = |kind: &annals_commands::AggregateType| {
        let context = kind.context();
        kind.refusals.iter().map(move |name| (context.to_owned(), snake_case(name)))
    };
    catalogue.aggregates().flat_map(of).collect()
}

/// Refusals that a context's story is told, each of which `stories::told` sees in an answer.
fn told() -> BTreeSet<Code> {
    let asks = |context: &'static str| stories::asks(context).map(move |ask| (context, ask));
    let contexts = ["restorative", "lift", "carenotes", "samia", "nestsync"];
    let all = contexts.into_iter().flat_map(asks);
    all.filter_map(|(own, ask)| {
        let context = ask.command.split_once(".cmd.").map_or(own, |(context, _)| context);
        Some((context.to_owned(), ask.refused?))
    })
    .collect()
}

/// Refusals that tests of this suite see: the codes that they name to `refused`, in files that send commands of
/// that context.
fn tested(all: &BTreeSet<Code>) -> BTreeMap<Code, String> {
    let mut found = BTreeMap::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/all");
    let mut folders = vec![root];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            // The list above names codes too.
            if path.ends_with("catalogue/refusals.rs") {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let named = |code: &str| {
                ["refused(\"", ", \""]
                    .iter()
                    .any(|before| text.contains(&format!("{before}{code}\")")))
            };
            for (context, code) in all {
                // What is asked of people's identities stands against commands of every context.
                let asks = context == "shared" || text.contains(&format!("{context}.cmd."));
                if asks && named(code) {
                    found.insert((context.clone(), code.clone()), path.display().to_string());
                }
            }
        }
    }
    found
}

#[test]
fn every_refusal_is_met_over_nats_or_listed_with_its_reason() {
    let all = refusals();
    let (told, tested) = (told(), tested(&all));
    let listed: BTreeMap<Code, &str> = OUT_OF_REACH
        .iter()
        .map(|(context, why, code)| (((*context).to_owned(), (*code).to_owned()), *why))
        .collect();
    assert_eq!(listed.len(), OUT_OF_REACH.len(), "one is listed twice");
    let mut wrong = Vec::new();
    for code in &all {
        let met = told.contains(code) || tested.contains_key(code);
        match (met, listed.get(code)) {
            (false, None) => wrong.push(format!("{code:?} is met by nothing")),
            (true, Some(why)) => wrong.push(format!("{code:?} is met, and listed: {why}")),
            _ => {}
        }
    }
    let gone = listed.keys().filter(|code| !all.contains(*code));
    wrong.extend(gone.map(|code| format!("{code:?} is listed, and there is no such refusal")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(all.len() > 200, "{}", all.len());
}
