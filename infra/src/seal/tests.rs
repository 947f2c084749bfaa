//! What is sealed is opened again, there and nowhere else.

use annals_domain::{EventData, PersonalField, Tombstone, shared::identity::IdentityRegistered};
use proptest::{collection, prelude::*};
use serde_json::json;

use super::*;

const NOTED: EventType = EventType {
    name: "Noted",
    version: 1,
    subject: Subject::Field("child_id"),
    personal: &[
        PersonalField { name: "note", tombstone: Tombstone::Text },
        PersonalField { name: "tags", tombstone: Tombstone::List },
        PersonalField { name: "email", tombstone: Tombstone::Email },
        PersonalField { name: "more", tombstone: Tombstone::Object },
        PersonalField { name: "middle_name", tombstone: Tombstone::Null },
    ],
    schema: <IdentityRegistered as EventData>::TYPE.schema,
};
const OWN: EventType = EventType { subject: Subject::Stream, ..NOTED };

const CONTEXT: SealContext<'static> =
    SealContext { tenant: "t", aggregate_type: "x.y", aggregate_id: "stream", sequence: 7 };

fn key_of(subject: &str, number: u32, secret: u8) -> Arc<DataKey> {
    Arc::new(DataKey::from_secret(subject, number, &[secret; 32]).unwrap())
}

fn key() -> Arc<DataKey> {
    key_of("child", 1, 7)
}

fn named(key: &DataKey) -> SealedSubject {
    SealedSubject {
        subject: key.subject().to_owned(),
        key: key.number(),
        commitment: key.commitment_text(),
    }
}

fn fields(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

fn sealed(clear: &Map<String, Value>) -> Map<String, Value> {
    let mut fields = clear.clone();
    seal_fields(&mut fields, &NOTED, &CONTEXT, &key()).unwrap();
    fields
}

fn open(fields: &Map<String, Value>, context: &SealContext<'_>) -> Result<Value, SealError> {
    open_as(fields, &NOTED, context, &key())
}

fn open_as(
    fields: &Map<String, Value>,
    event_type: &EventType,
    context: &SealContext<'_>,
    key: &Arc<DataKey>,
) -> Result<Value, SealError> {
    let mut fields = fields.clone();
    let state = KeyState::Live(Arc::clone(key));
    let erased = open_fields(&mut fields, event_type, context, &named(key), &state)?;
    assert!(!erased);
    Ok(Value::Object(fields))
}

/// Any JSON.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1_000_000..1_000_000).prop_map(|it| Value::from(f64::from(it) / 64.0)),
        any::<String>().prop_map(Value::from),
        Just(json!({"$sealed": "1.AAAA"})),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            collection::btree_map(any::<String>(), inner, 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn whatever_is_sealed_is_opened_again_and_nothing_else_is_touched(
        note in any_json(), tags in any_json(), other in any_json(), sequence: u64,
    ) {
        let clear = fields(json!({"child_id": "child", "note": note, "tags": tags, "other": other}));
        let context = SealContext { sequence, ..CONTEXT };
        let mut fields = clear.clone();
        seal_fields(&mut fields, &NOTED, &context, &key()).unwrap();
        for name in ["note", "tags"] {
            prop_assert_eq!(sealed_text(&fields[name]).is_some(), !clear[name].is_null());
            prop_assert!(clear[name].is_null() || fields[name] != clear[name]);
        }
        prop_assert_eq!((&fields["child_id"], &fields["other"]), (&clear["child_id"], &clear["other"]));
        prop_assert_eq!(open(&fields, &context).unwrap(), Value::Object(clear));
    }

    #[test]
    fn a_ciphertext_opens_only_where_it_was_sealed(
        tenant in "[a-z]{0,4}", kind in "[a-z.]{0,4}", id in "[a-z]{0,4}", sequence in 0..3_u64,
        tenant_too in "[a-z]{0,4}", kind_too in "[a-z.]{0,4}", id_too in "[a-z]{0,4}",
        sequence_too in 0..3_u64,
    ) {
        let here = SealContext {
            tenant: &tenant, aggregate_type: &kind, aggregate_id: &id, sequence,
        };
        let there = SealContext {
            tenant: &tenant_too, aggregate_type: &kind_too, aggregate_id: &id_too,
            sequence: sequence_too,
        };
        let same = (&tenant, &kind, &id, sequence) == (&tenant_too, &kind_too, &id_too, sequence_too);
        let mut fields = fields(json!({"child_id": "child", "note": "x"}));
        seal_fields(&mut fields, &NOTED, &here, &key()).unwrap();
        prop_assert!(open(&fields, &here).is_ok());
        prop_assert_eq!(open(&fields, &there).is_ok(), same);
    }

    #[test]
    fn no_bit_of_a_ciphertext_can_be_changed(note in any::<String>(), at: prop::sample::Index) {
        let mut fields = sealed(&fields(json!({"child_id": "child", "note": note})));
        let text = fields["note"]["$sealed"].as_str().unwrap().to_owned();
        let mut bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix("1.").unwrap()).unwrap();
        let bit = at.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        fields["note"]["$sealed"] = json!(format!("1.{}", URL_SAFE_NO_PAD.encode(&bytes)));
        prop_assert!(matches!(open(&fields, &CONTEXT), Err(SealError::Altered("note"))));
        bytes.truncate(bit / 8);
        fields["note"]["$sealed"] = json!(format!("1.{}", URL_SAFE_NO_PAD.encode(&bytes)));
        prop_assert!(matches!(open(&fields, &CONTEXT), Err(SealError::Altered("note"))));
    }

    #[test]
    fn an_erased_person_reads_as_tombstones_and_the_rest_stays(
        note in any_json(), more in any_json(), email in any_json(), other in any_json(),
    ) {
        let clear = fields(json!({
            "child_id": "child", "note": note, "more": more, "email": email, "other": other,
        }));
        let mut fields = sealed(&clear);
        let erased =
            open_fields(&mut fields, &NOTED, &CONTEXT, &named(&key()), &KeyState::Destroyed);
        let held = |name: &str| !clear[name].is_null();
        prop_assert_eq!(erased.unwrap(), held("note") || held("more") || held("email"));
        let expected = json!({
            "child_id": "child",
            "note": if held("note") { json!("erased") } else { Value::Null },
            "more": if held("more") { json!({}) } else { Value::Null },
            "email": if held("email") { json!("child@erased.invalid") } else { Value::Null },
            "other": clear["other"],
        });
        prop_assert_eq!(Value::Object(fields), expected);
    }
}

#[test]
fn kind_field_person_and_key_are_bound_as_well() {
    let clear = fields(json!({"child_id": "child", "note": "x", "tags": ["x"]}));
    let sealed = sealed(&clear);
    let other_kind = EventType { name: "Renoted", ..NOTED };
    assert!(open_as(&sealed, &other_kind, &CONTEXT, &key()).is_err());
    let mut swapped = sealed.clone();
    swapped.insert("note".to_owned(), sealed["tags"].clone());
    assert!(matches!(open(&swapped, &CONTEXT), Err(SealError::Altered("note"))));
    for other in [key_of("ada", 1, 7), key_of("child", 2, 7), key_of("child", 1, 8)] {
        assert!(open_as(&sealed, &NOTED, &CONTEXT, &other).is_err());
    }
    assert!(open(&sealed, &CONTEXT).is_ok());
}

#[test]
fn a_key_opens_only_what_names_it() {
    let sealed = sealed(&fields(json!({"child_id": "child", "note": "x"})));
    let open = |named: SealedSubject| {
        let state = KeyState::Live(key());
        open_fields(&mut sealed.clone(), &NOTED, &CONTEXT, &named, &state)
    };
    let right = named(&key());
    assert!(open(right.clone()).is_ok());
    let other = key_of("child", 1, 8).commitment_text();
    for commitment in [other, String::new(), "x".to_owned(), format!("{}AA", right.commitment)] {
        let wrong = SealedSubject { commitment, ..right.clone() };
        assert!(matches!(open(wrong), Err(SealError::OtherKey)));
    }
    let wrong = SealedSubject { subject: "ada".to_owned(), ..right.clone() };
    assert!(matches!(open(wrong), Err(SealError::OtherPerson)));
    let wrong = SealedSubject { key: 2, ..right };
    assert!(matches!(open(wrong), Err(SealError::NoKey(2))));
}

#[test]
fn the_key_has_to_be_that_of_whom_the_event_is_about() {
    let seal = |event_type: &EventType, person: Value, key: &DataKey| {
        let mut fields = fields(json!({"child_id": person, "note": "x"}));
        seal_fields(&mut fields, event_type, &CONTEXT, key).is_ok()
    };
    let (child, stream) = (key(), key_of("stream", 1, 7));
    assert!(seal(&NOTED, json!("child"), &child) && !seal(&NOTED, json!("child"), &stream));
    // About nobody known: the stream's own key.
    assert!(seal(&NOTED, Value::Null, &stream) && !seal(&NOTED, Value::Null, &child));
    assert!(seal(&OWN, json!("child"), &stream) && !seal(&OWN, json!("child"), &child));
    assert_eq!(&*subject(&NOTED, "stream", &Map::new()), "stream");
}

#[test]
fn a_personal_field_in_the_clear_is_an_error() {
    let sealed = sealed(&fields(json!({"child_id": "child", "note": "x"})));
    let text = sealed["note"]["$sealed"].as_str().unwrap();
    let clear = [
        json!("x"),
        json!(1),
        json!([]),
        json!({}),
        json!({"$sealed": 1}),
        json!({"$sealed": "1"}),
        json!({"$sealed": text, "more": 1}),
        json!({"$sealed": text.replacen("1.", "01.", 1)}),
        json!({"$sealed": text.replacen("1.", "+1.", 1)}),
        json!({"$sealed": text.replacen("1.", ".", 1)}),
    ];
    for value in clear {
        for state in [KeyState::Live(key()), KeyState::Destroyed] {
            let mut fields = sealed.clone();
            fields.insert("note".to_owned(), value.clone());
            let opened = open_fields(&mut fields, &NOTED, &CONTEXT, &named(&key()), &state);
            assert!(matches!(opened, Err(SealError::NotSealed("note"))), "{value}");
        }
    }
    let mut fields = sealed.clone();
    fields.insert("note".to_owned(), json!({"$sealed": text.replacen("1.", "2.", 1)}));
    assert!(matches!(open(&fields, &CONTEXT), Err(SealError::Altered("note"))));
}

#[test]
fn lengths_say_little_and_equal_texts_look_different() {
    let length = |note: Value| {
        let sealed = sealed(&fields(json!({"child_id": "child", "note": note})));
        sealed["note"]["$sealed"].as_str().unwrap().len()
    };
    assert_eq!(length(json!("male")), length(json!("female")));
    assert_eq!(length(json!(true)), length(json!(false)));
    assert_eq!(length(json!("x".repeat(30))), length(json!(1)));
    assert!(length(json!("x".repeat(31))) > length(json!(1)));
    let clear = fields(json!({"child_id": "child", "note": "x"}));
    assert_ne!(sealed(&clear), sealed(&clear));
}

#[test]
fn audit_logs_show_that_there_was_something() {
    let mut fields = fields(json!({"child_id": "child", "note": "x", "tags": null, "other": 1}));
    redact_fields(&mut fields, &NOTED);
    let expected = json!({"child_id": "child", "note": "[redacted]", "tags": null, "other": 1});
    assert_eq!(Value::Object(fields), expected);
}
