//! What the border lets through and what it turns back, with the place it names.

use std::time::Instant;

use serde_json::{Value, json};

use super::*;
use crate::problem::Code;

const ID: &str = "0192f7c0-6c1e-7e55-a3a1-2f0d5f3b9a10";

fn read(body: &str) -> Envelope<'_> {
    Envelope::read(body.as_bytes(), MAX_BODY).unwrap_or_else(|no| panic!("{body}: {no:?}"))
}

fn no(body: impl AsRef<[u8]>) -> Unreadable {
    let body = body.as_ref();
    match Envelope::read(body, MAX_BODY) {
        Ok(_) => panic!("accepted: {}", String::from_utf8_lossy(body)),
        Err(no) => no,
    }
}

/// Every body is refused for this reason, and at this place.
fn refuses(cases: &[(&str, &str)], fault: Fault) {
    for (body, pointer) in cases {
        let no = no(body);
        assert_eq!((no.fault, no.pointer.as_str()), (fault, *pointer), "{body}");
    }
}

fn is_syntax(no: &Unreadable) -> bool {
    matches!(no.fault, Fault::Syntax { .. })
}

#[test]
fn a_whole_body_is_read() {
    let body = format!(
        r#" {{"id": "{ID}", "expected_version": 3, "occurred_at": "2026-11-21T13:58:00.1234567+02:00",
            "reason": " asked by ph\u006fne ", "data": {{"amount": "12.50", "tags": [1, -2.5, true]}} }} "#
    );
    let envelope = read(&body);
    assert_eq!(envelope.id.as_deref(), Some(ID));
    assert_eq!(envelope.expected_version, Some(3));
    let time = envelope.occurred_at.map(|time| time.to_rfc3339());
    assert_eq!(time.as_deref(), Some("2026-11-21T11:58:00.123456+00:00"));
    assert_eq!(envelope.reason.as_deref(), Some("asked by phone"));
    assert_eq!(envelope.data, r#"{"amount": "12.50", "tags": [1, -2.5, true]}"#);
}

#[test]
fn everything_may_be_left_out_or_null() {
    let nothing =
        Envelope { id: None, expected_version: None, occurred_at: None, reason: None, data: "{}" };
    assert_eq!(read("{}"), nothing);
    let nulls = r#"{"id":null,"expected_version":null,"occurred_at":null,"reason":null}"#;
    assert_eq!(read(nulls), nothing);
}

#[test]
fn keys_and_ids_may_be_escaped() {
    let envelope = read(r#"{"\u0069d":"0192F7C0-6C1E-7E55-A3A1-2F0D5F3B9A1\u0030"}"#);
    assert_eq!(envelope.id.as_deref(), Some(ID));
}

#[test]
fn what_is_no_object_is_refused() {
    refuses(&[("", ""), (" \n\t", "")], Fault::Empty);
    let others =
        ["[]", "1", "\"x\"", "null", "true", "data", "\u{feff}{}", "\0", "'{}'", "// {}\n{}"];
    for body in others {
        assert_eq!(no(body).fault, Fault::NotAnObject, "{body:?}");
    }
    refuses(&[("{} {}", ""), ("{}x", ""), ("{}\0", ""), ("{},", "")], Fault::TrailingText);
}

#[test]
fn what_is_not_utf8_is_refused() {
    for body in [&b"{\"reason\":\"\xff\"}"[..], b"\xfe\xff\0{\0}", b"{\"id\":\"\xed\xa0\x80\"}"] {
        let no = no(body);
        assert_eq!((no.fault, no.pointer.as_str()), (Fault::NotUtf8, ""));
    }
}

#[test]
fn broken_json_is_refused_where_it_breaks() {
    for (body, pointer, byte) in [
        ("{", "", 1),
        ("{\"data\"", "/data", 7),
        ("{\"data\":", "/data", 8),
        ("{\"data\":{}", "/data", 10),
        ("{\"data\":{},}", "", 11),
        ("{\"data\":{\"a\":[1,]}}", "/data/a/1", 16),
        ("{\"data\":{\"a\":[1 2]}}", "/data/a/0", 16),
        ("{\"data\":{\"a\":01}}", "/data/a", 14),
        ("{\"data\":{\"a\":.5}}", "/data/a", 13),
        ("{\"data\":{\"a\":1.}}", "/data/a", 15),
        ("{\"data\":{\"a\":1e}}", "/data/a", 15),
        ("{\"data\":{\"a\":+1}}", "/data/a", 13),
        ("{\"data\":{\"a\":tru}}", "/data/a", 13),
        ("{\"data\":{\"a\":nil}}", "/data/a", 13),
        ("{\"data\":{\"a\":\"x}}", "/data/a", 17),
        ("{\"data\":{\"a\":\"\\x\"}}", "/data/a", 14),
        ("{\"data\":{\"a\":\"\\u12g4\"}}", "/data/a", 14),
        ("{\"data\":{\"a\":\"tab\there\"}}", "/data/a", 17),
        ("{\"data\":{a:1}}", "/data", 9),
        ("{\"data\":{1:1}}", "/data", 9),
        ("{\"data\":{\"a\" 1}}", "/data/a", 13),
        ("{\"data\":[}", "/data/0", 9),
        ("{\"data\":{]", "/data", 9),
    ] {
        let no = no(body);
        assert!(is_syntax(&no), "{body}: {no:?}");
        assert_eq!((no.pointer.as_str(), no.byte), (pointer, Some(byte)), "{body}");
    }
}

#[test]
fn nesting_has_a_limit_and_costs_no_stack() {
    let nested = |levels: usize| {
        format!("{{\"data\":{{\"a\":{}{}}}}}", "[".repeat(levels), "]".repeat(levels))
    };
    assert_eq!(read(&nested(MAX_DEPTH - 2)).id, None);
    let too_deep = no(nested(MAX_DEPTH - 1));
    assert_eq!(too_deep.fault, Fault::TooDeep);
    assert!(too_deep.pointer.starts_with("/data/a/0/0"));
    for open in ["[", "{\"a\":"] {
        let bomb = format!("{{\"data\":{}", open.repeat(100_000));
        let started = Instant::now();
        let answer = Envelope::read(bomb.as_bytes(), usize::MAX);
        assert_eq!(answer.unwrap_err().fault, Fault::TooDeep);
        assert!(started.elapsed().as_millis() < 50);
    }
    assert_eq!(no("[".repeat(100_000)).fault, Fault::NotAnObject);
}

#[test]
fn size_has_a_limit() {
    let body = format!("{{\"reason\":\"{}\"}}", "x".repeat(100));
    assert!(Envelope::read(body.as_bytes(), body.len()).is_ok());
    let no = Envelope::read(body.as_bytes(), body.len() - 1).unwrap_err();
    assert_eq!((no.fault.code(), no.pointer.as_str()), (Code::TooLarge, ""));
    assert!(no.problem().detail.contains(&(body.len() - 1).to_string()));
}

#[test]
fn nul_is_refused_in_any_text_at_any_depth() {
    refuses(
        &[
            ("{\"reason\":\"a\\u0000\"}", "/reason"),
            ("{\"data\":{\"a\":[0,{\"b\":\"\\u0000\"}]}}", "/data/a/1/b"),
            ("{\"data\":{\"a\":\"\0\"}}", "/data/a"),
            ("{\"data\":{\"\\u0000\":1}}", "/data"),
        ],
        Fault::NulCharacter,
    );
    assert!(read(r#"{"data":{"a":"\\u0000"}}"#).data.contains("u0000"), "an escaped backslash");
}

#[test]
fn half_a_surrogate_pair_is_refused() {
    refuses(
        &[
            (r#"{"data":{"a":"\ud83d"}}"#, "/data/a"),
            (r#"{"data":{"a":"\ude00"}}"#, "/data/a"),
            (r#"{"data":{"a":"\ud83dx"}}"#, "/data/a"),
            (r#"{"data":{"a":"\ud83d\n"}}"#, "/data/a"),
            (r#"{"data":{"a":"\ud83d\ud83d"}}"#, "/data/a"),
            (r#"{"data":{"\udfff":1}}"#, "/data"),
            (r#"{"reason":"\uD800"}"#, "/reason"),
        ],
        Fault::LoneSurrogate,
    );
    read(r#"{"data":{"a":"\ud83d\ude00 \uD83D\uDE00"}}"#);
}

#[test]
fn a_key_stands_once_in_an_object_however_it_is_written() {
    refuses(
        &[
            (r#"{"id":"a","id":"b"}"#, "/id"),
            (r#"{"id":"a","\u0069d":"b"}"#, "/id"),
            (r#"{"data":{"a":1,"b":2,"a":1}}"#, "/data/a"),
            (r#"{"data":{"a":[{"x":1,"\u0078":2}]}}"#, "/data/a/0/x"),
            (r#"{"data":{"a/b":1,"c":2,"a\/b":3}}"#, "/data/a~1b"),
            (r#"{"data":{"":1,"":2}}"#, "/data/"),
        ],
        Fault::DuplicateKey,
    );
    read(r#"{"data":{"a":{"a":{"a":1},"b":2},"b":[{"a":1},{"a":2}]}}"#);
}

#[test]
fn many_keys_are_compared_quickly() {
    let keys = |count: usize| {
        let pairs: Vec<_> = (0..count).map(|nth| format!("\"{nth:x}\":0")).collect();
        pairs.join(",")
    };
    for count in [16, 17, 47, 48, 49, 500] {
        let inner = keys(count);
        let unique = format!("{{\"data\":{{\"o\":{{{inner}}},\"p\":{{{inner}}},\"q\":0}}}}");
        read(&unique);
        let last = format!("{:x}", count - 1);
        let twice = format!("{{\"data\":{{\"o\":{{{inner}}},\"p\":{{{inner},\"{last}\":1}}}}}}");
        assert_eq!(no(&twice).pointer, format!("/data/p/{last}"), "{count}");
        let outer = format!("{{\"data\":{{\"o\":{{{inner}}},\"p\":{{{inner}}},\"o\":0}}}}");
        assert_eq!(no(&outer).pointer, "/data/o", "{count}");
    }
    let all = format!("{{\"data\":{{{}}}}}", keys(27_000));
    let started = Instant::now();
    assert!(Envelope::read(all.as_bytes(), MAX_BODY).is_ok());
    assert!(started.elapsed().as_millis() < 1000);
}

#[test]
fn a_number_must_survive_a_double() {
    let body = |number: &str| format!("{{\"data\":{{\"n\":[0,{number}]}}}}");
    for number in [
        "9007199254740992",
        "-9007199254740992",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551616",
        "1000000000000000000000000000000",
        "1e400",
        "-1e400",
        "1e30",
        "1e-400",
        "-0",
        "-0.0",
        "-0e5",
        "NaN",
        "Infinity",
        "-Infinity",
        &"9".repeat(100_000),
    ] {
        let no = no(body(number));
        assert_eq!(
            (no.fault, no.pointer.as_str()),
            (Fault::NumberOutOfRange, "/data/n/1"),
            "{number}"
        );
    }
    for number in [
        "0",
        "0.0",
        "0e9",
        "-1",
        "999999999999999",
        "9007199254740991",
        "-9007199254740991",
        "9.007199254740991e15",
        "1e-300",
        "-12.75",
        "1E+2",
    ] {
        read(&body(number));
    }
}

#[test]
fn the_body_has_no_other_fields() {
    refuses(
        &[
            (r#"{"amount":"5"}"#, "/amount"),
            (r#"{"data":{},"Id":"x"}"#, "/Id"),
            (r#"{"expected_revision":1}"#, "/expected_revision"),
            (r#"{"a/b~":1}"#, "/a~1b~0"),
        ],
        Fault::UnknownField,
    );
    let long = "k".repeat(10_000);
    assert!(no(format!("{{\"{long}\":1}}")).pointer.len() < 100);
}

#[test]
fn a_field_of_another_form_is_named() {
    let long = format!(r#"{{"id":"{}"}}"#, "x".repeat(129));
    for body in [
        r#"{"id":7}"#,
        r#"{"id":""}"#,
        r#"{"id":"a.b"}"#,
        r#"{"id":"*"}"#,
        r#"{"id":">"}"#,
        r#"{"id":"a b"}"#,
        r#"{"id":"é"}"#,
        r#"{"id":{}}"#,
        &long,
    ] {
        refuses(&[(body, "/id")], Fault::InvalidId);
    }
    for value in ["-1", "1.0", "1e3", "\"1\"", "true", "[]"] {
        let body = format!(r#"{{"expected_version":{value}}}"#);
        refuses(&[(&body, "/expected_version")], Fault::InvalidVersion);
    }
    for value in ["\"yesterday\"", "\"2026-11-21\"", "\"2026-11-21T11:58:00\"", "1700000000"] {
        let body = format!(r#"{{"occurred_at":{value}}}"#);
        refuses(&[(&body, "/occurred_at")], Fault::InvalidTime);
    }
    let long = format!("\"{}\"", "é".repeat(MAX_REASON + 1));
    for value in ["7", "\"\"", "\" \\n\"", &long] {
        let body = format!(r#"{{"reason":{value}}}"#);
        refuses(&[(&body, "/reason")], Fault::InvalidReason);
    }
    read(&format!(r#"{{"reason":"{}"}}"#, "é".repeat(MAX_REASON)));
    for value in ["[]", "\"{}\"", "1", "null"] {
        let body = format!(r#"{{"data":{value}}}"#);
        let found = Envelope::read(body.as_bytes(), MAX_BODY).map_err(|no| (no.fault, no.pointer));
        match value {
            "null" => assert!(found.is_err(), "null is no object"),
            _ => assert_eq!(found.unwrap_err(), (Fault::DataNotAnObject, "/data".into())),
        }
    }
}

#[test]
fn a_refusal_never_repeats_a_value() {
    const SECRET: &str = "s3cr3t-value";
    for body in [
        format!(r#"{{"id":"{SECRET}.x"}}"#),
        format!(r#"{{"expected_version":"{SECRET}"}}"#),
        format!(r#"{{"occurred_at":"{SECRET}"}}"#),
        format!(r#"{{"data":"{SECRET}"}}"#),
        format!(r#"{{"data":{{"a":"{SECRET}\u0000"}}}}"#),
        format!(r#"{{"data":{{"a":"{SECRET}"x}}}}"#),
    ] {
        let problem = no(&body).problem();
        assert!(!problem.to_json().contains(SECRET), "{body}");
        assert!(!problem.errors.is_empty() && !problem.retryable);
    }
}

#[test]
fn a_refusal_says_what_would_fit() {
    let problem = no(r#"{"amount":"5"}"#).problem();
    assert_eq!((problem.status, problem.code.as_str()), (400, "unknown_field"));
    assert_eq!(problem.errors[0].pointer, "/amount");
    assert!(problem.hint.is_some_and(|hint| hint.contains("inside data")));
}

/// Numbers that look random and are the same every time (SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % below as u64) as usize
    }
}

const SEEDS: &[&str] = &[
    r#"{"id":"0192f7c0-6c1e-7e55-a3a1-2f0d5f3b9a10","expected_version":3,"data":{"amount":"12.50"}}"#,
    r#"{"data":{"name":"caf\u00e9 \ud83d\ude00","tags":["a","b",{"c":[1,2.5,-3e2,true,false,null]}]}}"#,
    r#"{"occurred_at":"2026-11-21T11:58:00Z","reason":"because \"so\" \\ \/ \n","data":{}}"#,
    r#" { "id" : "a:b_c-d" , "data" : { "x" : { "x" : { "x" : [ [ [ ] ] ] } } , "y" : "" } } "#,
    r#"{"expected_version":0,"data":{"k":9007199254740991,"l":0.1,"\u006d":1,"n":"naïve"}}"#,
];

const FRAGMENTS: &[&[u8]] = &[
    b"\"",
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"0",
    b"-",
    b"e400",
    b".5",
    b"\\u0000",
    b"\\ud800",
    b"\\udc00",
    b"null",
    b"true",
    b" ",
    b"\0",
    b"\xff",
    b"\xc3",
    b"\"id\":",
    b"\"a\"",
    b"99999999999999999999",
    b"\"data\":{",
    b"[[[[[[[[[[",
    b"\x1f",
    b"\xf0\x9f\x98\x80",
];

fn mutated(dice: &mut Dice) -> Vec<u8> {
    let mut body = SEEDS[dice.roll(SEEDS.len())].as_bytes().to_vec();
    for _ in 0..=dice.roll(3) {
        let at = dice.roll(body.len() + 1);
        match dice.roll(5) {
            0 if at < body.len() => body[at] ^= 1 << dice.roll(8),
            1 if at < body.len() => drop(body.remove(at)),
            2 => body.truncate(at),
            3 => {
                let to = (at + dice.roll(12)).min(body.len());
                let copy = body[at..to].to_vec();
                let place = dice.roll(body.len() + 1);
                body.splice(place..place, copy);
            }
            _ => {
                let fragment = FRAGMENTS[dice.roll(FRAGMENTS.len())];
                body.splice(at..at, fragment.iter().copied());
            }
        }
    }
    body
}

/// An envelope as a client would write it.
fn written(envelope: &Envelope<'_>) -> String {
    let mut body = format!(r#"{{"data":{}"#, envelope.data);
    if let Some(id) = &envelope.id {
        body += &format!(r#","id":{}"#, json!(id));
    }
    if let Some(version) = envelope.expected_version {
        body += &format!(r#","expected_version":{version}"#);
    }
    if let Some(time) = envelope.occurred_at {
        body += &format!(r#","occurred_at":{}"#, json!(time));
    }
    if let Some(reason) = &envelope.reason {
        body += &format!(r#","reason":{}"#, json!(reason));
    }
    body + "}"
}

#[test]
fn two_hundred_thousand_broken_bodies_do_no_harm() {
    let mut dice = Dice(7);
    let (mut accepted, mut refused) = (0, 0);
    for _ in 0..200_000 {
        let body = mutated(&mut dice);
        let as_json = serde_json::from_slice::<Value>(&body);
        match Envelope::read(&body, MAX_BODY) {
            Ok(envelope) => {
                accepted += 1;
                assert!(as_json.is_ok(), "{}", String::from_utf8_lossy(&body));
                let again = written(&envelope);
                let read_again = Envelope::read(again.as_bytes(), MAX_BODY).expect("as before");
                assert_eq!(read_again, envelope);
            }
            Err(no) => {
                refused += 1;
                assert!((400..500).contains(&no.problem().status));
                assert!(!is_syntax(&no) || as_json.is_err(), "{}", String::from_utf8_lossy(&body));
            }
        }
    }
    assert!(accepted > 10_000 && refused > 100_000, "{accepted} accepted, {refused} refused");
}

/// Prints how long the usual body takes; run with `--release -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement, not a promise"]
fn how_long_a_usual_body_takes() {
    let body = format!(
        r#"{{"id":"{ID}","expected_version":12,"occurred_at":"2026-11-21T11:58:00Z","data":{{"amount":"125.50","currency":"EUR","description":"Reading with a card of the day, booked for Saturday","gateway_transaction_id":"pi_3QK9x2LkdIwHu7ix0V2m1a7c","payment_method":"card","urgent":false,"attempt":1}}}}"#
    );
    let rounds = 1_000_000_u32;
    let started = Instant::now();
    for _ in 0..rounds {
        let envelope = Envelope::read(std::hint::black_box(body.as_bytes()), MAX_BODY);
        assert!(std::hint::black_box(envelope).is_ok());
    }
    println!("{} bytes: {:?}", body.len(), started.elapsed() / rounds);
}
