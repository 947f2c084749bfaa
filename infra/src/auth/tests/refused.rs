//! Tokens that are not believed.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::forge::*;
use crate::auth::{MAX_TOKEN, TokenError, Verifier, error::Flaw};

/// A token that is wrong in one way, and why it is refused.
type Bad = (&'static str, Flaw, String);

struct Keys {
    ed: Pair,
    ec: Pair,
    rsa: Pair,
    secret: Pair,
}

impl Keys {
    fn new() -> Self {
        let (ed, ec) = (Pair::ed("ed"), Pair::ec("ec"));
        Self { ed, ec, rsa: Pair::rsa("rsa"), secret: Pair::secret(SECRET) }
    }
}

/// The header with something in it changed or added.
fn header(pair: &Pair, name: &str, value: impl Into<Value>) -> Value {
    let mut header = pair.header();
    header[name] = value.into();
    header
}

fn forms(keys: &Keys) -> Vec<Bad> {
    let good = keys.ed.token(&claims());
    let (message, signature) = good.rsplit_once('.').unwrap();
    let (head, body) = message.split_once('.').unwrap();
    let huge = keys.ed.token(&with("user_metadata", json!({"bio": "x".repeat(MAX_TOKEN)})));
    let standard = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let padded = base64::engine::general_purpose::URL_SAFE.encode(&standard);
    vec![
        ("nothing", Flaw::Form, String::new()),
        ("a word", Flaw::Form, "token".to_owned()),
        ("two dots", Flaw::Form, "..".to_owned()),
        ("noise", Flaw::Form, "\u{0}\u{1}.\u{2}.é".to_owned()),
        ("no signature", Flaw::Form, message.to_owned()),
        ("an empty signature", Flaw::Form, format!("{message}.")),
        ("no claims", Flaw::Form, format!("{head}..{signature}")),
        ("no header", Flaw::Form, format!(".{body}.{signature}")),
        ("four parts", Flaw::Form, format!("{good}.{signature}")),
        ("five parts, as encrypted ones have", Flaw::Form, format!("{good}.a.b")),
        ("with its scheme", Flaw::Form, format!("Bearer {good}")),
        ("a space before", Flaw::Form, format!(" {good}")),
        ("a line end after", Flaw::Form, format!("{good}\n")),
        ("padding", Flaw::Form, format!("{message}.{padded}")),
        ("claims that are no base64url", Flaw::Signature, format!("{head}.{body}+.{signature}")),
        ("the JSON form of a token", Flaw::Form, json!({"payload": body}).to_string()),
        ("too large", Flaw::TooLarge, huge),
        ("garbage of the right size", Flaw::Form, "\u{fffd}".repeat(300)),
    ]
}

fn headers(keys: &Keys) -> Vec<Bad> {
    let Keys { ed, .. } = keys;
    let sign = |header: Value| ed.sign(&header, &claims());
    let text = |header: &str| ed.sign_text(header, &claims().to_string());
    let other = Pair::ed("ed");
    let jwk = |name: &str, value: Value| other.sign(&header(ed, name, value), &claims());
    vec![
        ("a header that is no object", Flaw::Header, sign(json!(["EdDSA"]))),
        ("a header that is no JSON", Flaw::Header, text("{alg: EdDSA}")),
        ("no algorithm", Flaw::Header, sign(json!({"kid": "ed"}))),
        ("an algorithm that is no text", Flaw::Header, sign(header(ed, "alg", 5))),
        ("another kind", Flaw::Header, sign(header(ed, "typ", "JOSE"))),
        ("a kind that is no text", Flaw::Header, sign(header(ed, "typ", 1))),
        ("something critical", Flaw::Header, sign(header(ed, "crit", json!(["exp"])))),
        ("claims not encoded", Flaw::Header, sign(header(ed, "b64", false))),
        ("a token inside", Flaw::Header, sign(header(ed, "cty", "JWT"))),
        ("compressed", Flaw::Header, sign(header(ed, "zip", "DEF"))),
        (
            "the algorithm twice",
            Flaw::Header,
            text(r#"{"alg":"EdDSA","alg":"EdDSA","typ":"JWT","kid":"ed"}"#),
        ),
        ("the key twice", Flaw::Header, text(r#"{"alg":"EdDSA","kid":"ed","kid":"ec"}"#)),
        ("an address of keys", Flaw::OwnKey, jwk("jku", json!("https://evil.example/jwks.json"))),
        ("an address of certificates", Flaw::OwnKey, jwk("x5u", json!("https://evil.example/c"))),
        ("a key of its own", Flaw::OwnKey, jwk("jwk", other.public.clone())),
        ("certificates of its own", Flaw::OwnKey, jwk("x5c", json!(["MIIB"]))),
        ("an empty key of its own", Flaw::OwnKey, sign(header(ed, "jwk", json!(null)))),
        ("a key of no name", Flaw::Algorithm, sign(json!({"alg": "EdDSA", "typ": "JWT"}))),
        ("an unknown key", Flaw::UnknownKey, sign(header(ed, "kid", "other"))),
        ("an empty key's name", Flaw::UnknownKey, sign(header(ed, "kid", ""))),
        ("a key's name in capitals", Flaw::UnknownKey, sign(header(ed, "kid", "ED"))),
        ("a key's name that is a path", Flaw::UnknownKey, sign(header(ed, "kid", "../ed"))),
        ("a key's name that is a number", Flaw::Header, sign(header(ed, "kid", 1))),
        ("a key's name that is null", Flaw::Header, sign(header(ed, "kid", json!(null)))),
    ]
}

fn signatures(keys: &Keys) -> Vec<Bad> {
    let Keys { ed, ec, rsa, secret } = keys;
    let good = ed.token(&claims());
    let (message, signature) = good.rsplit_once('.').unwrap();
    let (head, _) = message.split_once('.').unwrap();
    let unsigned = |algorithm: &str| {
        let header = header(ed, "alg", algorithm).to_string();
        let message =
            format!("{}.{}", part(header.as_bytes()), part(claims().to_string().as_bytes()));
        (message.clone(), format!("{message}."), format!("{message}.{}", part(b"x")))
    };
    let changed =
        format!("{head}.{}.{signature}", part(with("role", "service_role").to_string().as_bytes()));
    let mut bits = URL_SAFE_NO_PAD.decode(signature).unwrap();
    bits[10] ^= 1;
    let short = part(&bits[..63]);
    let public = URL_SAFE_NO_PAD.decode(ed.public["x"].as_str().unwrap()).unwrap();
    let confused = |pair: &Pair, bytes: &[u8]| {
        Pair::secret(bytes).sign(&header(pair, "alg", "HS256"), &claims())
    };
    let named = |pair: &Pair, as_if: &Pair| pair.sign(&as_if.header(), &claims());
    let hs = |algorithm: jsonwebtoken::Algorithm| {
        let pair = Pair { algorithm, ..Pair::secret(SECRET) };
        pair.token(&claims())
    };
    let rsa_public = rsa.public["n"].as_str().unwrap().as_bytes();
    vec![
        ("algorithm none", Flaw::Algorithm, unsigned("none").2),
        ("algorithm none, no signature", Flaw::Form, unsigned("none").1),
        ("algorithm none, two parts", Flaw::Form, unsigned("none").0),
        ("algorithm None", Flaw::Algorithm, unsigned("None").2),
        ("algorithm in small letters", Flaw::Algorithm, unsigned("eddsa").2),
        ("an empty algorithm", Flaw::Algorithm, unsigned("").2),
        ("the public key as a secret", Flaw::Algorithm, confused(ed, &public)),
        ("the public key's text as a secret", Flaw::Algorithm, confused(rsa, rsa_public)),
        (
            "the public key as a secret, unnamed",
            Flaw::Signature,
            Pair::secret(&public).token(&claims()),
        ),
        ("the secret in place of a key", Flaw::Signature, named(secret, ed)),
        ("the secret under a key's name", Flaw::Algorithm, confused(ec, SECRET)),
        (
            "an RSA token under the EC key's name",
            Flaw::Algorithm,
            rsa.sign(&header(ec, "alg", "RS256"), &claims()),
        ),
        ("an RSA token that says ES256", Flaw::Signature, named(rsa, ec)),
        ("a stranger's Ed25519 key", Flaw::Signature, Pair::ed("ed").token(&claims())),
        ("a stranger's P-256 key", Flaw::Signature, Pair::ec("ec").token(&claims())),
        ("a stranger's RSA key", Flaw::Signature, Pair::rsa("rsa").token(&claims())),
        (
            "another secret",
            Flaw::Signature,
            Pair::secret(b"another secret of thirty-two bytes").token(&claims()),
        ),
        ("an empty secret", Flaw::Signature, Pair::secret(b"").token(&claims())),
        ("HS512 with the secret", Flaw::Algorithm, hs(jsonwebtoken::Algorithm::HS512)),
        (
            "RS512 with the RSA key",
            Flaw::Algorithm,
            Pair { algorithm: jsonwebtoken::Algorithm::RS512, ..Pair::rsa("rsa") }.token(&claims()),
        ),
        (
            "PS256 with the RSA key",
            Flaw::Algorithm,
            Pair { algorithm: jsonwebtoken::Algorithm::PS256, ..Pair::rsa("rsa") }.token(&claims()),
        ),
        ("other claims under the signature", Flaw::Signature, changed),
        ("one bit of the signature", Flaw::Signature, format!("{message}.{}", part(&bits))),
        ("a signature cut off", Flaw::Signature, format!("{message}.{short}")),
        ("a signature of zeros", Flaw::Signature, format!("{message}.{}", part(&[0; 64]))),
        ("an EC signature of zeros", Flaw::Signature, {
            let token = ec.token(&claims());
            format!("{}.{}", token.rsplit_once('.').unwrap().0, part(&[0; 64]))
        }),
        ("another token's signature", Flaw::Signature, {
            let other = ed.token(&with("sub", uuid::Uuid::from_u128(1).to_string()));
            format!("{message}.{}", other.rsplit_once('.').unwrap().1)
        }),
    ]
}

fn said(keys: &Keys) -> Vec<Bad> {
    let Keys { ed, .. } = keys;
    let now = now().timestamp();
    let token = |claims: Value| ed.token(&claims);
    let text = |claims: &str| ed.sign_text(&ed.header().to_string(), claims);
    let twice = |member: &str| {
        let claims = claims().to_string();
        text(&format!("{},{member}}}", claims.strip_suffix('}').unwrap()))
    };
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    let metadata = |value: Value| token(with("app_metadata", value));
    let mut system = with("app_metadata", json!({"annals": "operator"}));
    system["role"] = json!("service_role");
    vec![
        ("claims that are no JSON", Flaw::Claims, text("{")),
        ("claims that are a list", Flaw::Claims, text("[]")),
        ("claims that are null", Flaw::Claims, text("null")),
        ("claims and more", Flaw::Claims, text(&format!("{}{{}}", claims()))),
        ("claims that are no UTF-8", Flaw::Claims, text("{\"sub\": \"\\ud800\"}")),
        ("the role twice", Flaw::Claims, twice(r#""role":"service_role""#)),
        ("the subject twice, the same", Flaw::Claims, twice(&format!("\"sub\":\"{ADA}\""))),
        (
            "the subject twice, once escaped",
            Flaw::Claims,
            twice(&format!("\"s\\u0075b\":\"{ADA}\"")),
        ),
        ("the end twice", Flaw::Claims, twice(&format!("\"exp\":{}", now + 9))),
        ("metadata twice inside", Flaw::Claims, twice(r#""more":{"a":1,"a":2}"#)),
        ("nested beyond measure", Flaw::Claims, twice(&format!("\"deep\":{deep}"))),
        ("no issuer", Flaw::Issuer, token(without("iss"))),
        ("an issuer that is null", Flaw::Issuer, token(with("iss", json!(null)))),
        ("an issuer that is a number", Flaw::Issuer, token(with("iss", 1))),
        ("issuers", Flaw::Issuer, token(with("iss", json!([ISSUER])))),
        ("another issuer", Flaw::Issuer, token(with("iss", "https://evil.example/auth/v1"))),
        ("nearly the issuer", Flaw::Issuer, token(with("iss", format!("{ISSUER}/")))),
        ("the issuer in capitals", Flaw::Issuer, token(with("iss", ISSUER.to_uppercase()))),
        ("an empty issuer", Flaw::Issuer, token(with("iss", ""))),
        ("no audience", Flaw::Audience, token(without("aud"))),
        ("an audience that is null", Flaw::Audience, token(with("aud", json!(null)))),
        ("an audience that is a number", Flaw::Audience, token(with("aud", 1))),
        ("audiences", Flaw::Audience, token(with("aud", json!([AUDIENCE])))),
        ("an audience among others", Flaw::Audience, token(with("aud", json!([AUDIENCE, "x"])))),
        ("another audience", Flaw::Audience, token(with("aud", "anon"))),
        ("no subject", Flaw::Subject, token(without("sub"))),
        ("a subject that is null", Flaw::Subject, token(with("sub", json!(null)))),
        ("a subject that is a number", Flaw::Subject, token(with("sub", 12))),
        ("a subject that is an object", Flaw::Subject, token(with("sub", json!({"id": ADA})))),
        ("an empty subject", Flaw::Subject, token(with("sub", ""))),
        ("a subject that is a name", Flaw::Subject, token(with("sub", "ada"))),
        ("a subject without hyphens", Flaw::Subject, token(with("sub", ADA.simple().to_string()))),
        ("a subject in braces", Flaw::Subject, token(with("sub", format!("{{{ADA}}}")))),
        ("the subject nobody", Flaw::Subject, token(with("sub", uuid::Uuid::nil().to_string()))),
        ("no role", Flaw::Role, token(without("role"))),
        ("a role that is a list", Flaw::Role, token(with("role", json!(["authenticated"])))),
        ("a visitor", Flaw::Role, token(with("role", "anon"))),
        ("a role of the database", Flaw::Role, token(with("role", "postgres"))),
        ("an empty role", Flaw::Role, token(with("role", ""))),
        ("a role in capitals", Flaw::Role, token(with("role", "SERVICE_ROLE"))),
        ("an operator as a role", Flaw::Role, token(with("role", "operator"))),
        ("a service that is an operator", Flaw::Role, token(system)),
        ("metadata that is a text", Flaw::Claims, metadata(json!("operator"))),
        ("metadata that is a list", Flaw::Claims, metadata(json!(["operator"]))),
        ("an operator that is a list", Flaw::Claims, metadata(json!({"annals": ["operator"]}))),
        ("an operator that is true", Flaw::Claims, metadata(json!({"annals": true}))),
        ("an address that is a list", Flaw::Claims, token(with("email", json!(["a@b.org"])))),
        ("an address with a NUL", Flaw::Claims, token(with("email", "a\u{0}@b.org"))),
        (
            "an endless address",
            Flaw::Claims,
            token(with("email", format!("{}@b.org", "a".repeat(400)))),
        ),
        ("no end", Flaw::Times, token(without("exp"))),
        ("an end that is null", Flaw::Times, token(with("exp", json!(null)))),
        ("an end that is a text", Flaw::Times, token(with("exp", (now + 60).to_string()))),
        ("an end that is a fraction", Flaw::Times, token(with("exp", now as f64 + 60.5))),
        ("an end that is a list", Flaw::Times, token(with("exp", json!([now + 60])))),
        ("an end before 1970", Flaw::Times, token(with("exp", -1))),
        ("an end past all calendars", Flaw::Times, token(with("exp", i64::MAX))),
        ("an end past all numbers", Flaw::Times, token(with("exp", u64::MAX))),
        ("an end before the beginning", Flaw::Times, token(with("exp", now - 61))),
        ("no beginning", Flaw::Times, token(without("iat"))),
        ("a beginning that is a text", Flaw::Times, token(with("iat", now.to_string()))),
        ("a beginning that is null", Flaw::Times, token(with("iat", json!(null)))),
        ("a beginning that is a fraction", Flaw::Times, token(with("nbf", now as f64 - 0.5))),
        ("issued in the future", Flaw::TooEarly, token(with("iat", now + 3000))),
        ("not valid yet", Flaw::TooEarly, token(with("nbf", now + 3000))),
        ("over", Flaw::Expired, token(with("exp", now - 31))),
    ]
}

#[tokio::test]
async fn whatever_is_wrong_with_a_token_it_is_refused_and_nobody_is_told_why() {
    let keys = Keys::new();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("jwks.json");
    std::fs::write(&file, set(&[&keys.ed, &keys.ec, &keys.rsa])).unwrap();
    let verifier = Verifier::new(config(&file)).await.unwrap();

    // What the bad ones are made of is good.
    for pair in [&keys.ed, &keys.ec, &keys.rsa, &keys.secret] {
        assert_eq!(verifier.verify(&pair.token(&claims()), now()).map(|it| it.actor.id), Ok(ADA));
    }
    let bad = [forms(&keys), headers(&keys), signatures(&keys), said(&keys)].concat();
    assert!(bad.len() >= 130, "{} tokens", bad.len());
    for (what, flaw, token) in &bad {
        assert_eq!(verifier.check(token, now()).map(|it| it.actor), Err(*flaw), "{what}");
        let told = verifier.verify(token, now()).map(|it| it.actor);
        let expected =
            if *flaw == Flaw::Expired { TokenError::Expired } else { TokenError::Invalid };
        assert_eq!(told, Err(expected), "{what}, asked again");
    }
}

#[tokio::test]
async fn a_token_is_called_expired_only_when_nothing_else_is_wrong() {
    let keys = Keys::new();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("jwks.json");
    std::fs::write(&file, set(&[&keys.ed])).unwrap();
    let verifier = Verifier::new(config(&file)).await.unwrap();
    let over = |name: &str, value: &str| {
        let mut claims = with("exp", now().timestamp() - 31);
        claims[name] = json!(value);
        claims
    };
    let verify = |pair: &Pair, claims: Value| verifier.verify(&pair.token(&claims), now()).err();
    assert_eq!(verify(&keys.ed, over("phone", "")), Some(TokenError::Expired));
    for claims in
        [over("iss", "other"), over("aud", "other"), over("sub", "other"), over("role", "anon")]
    {
        assert_eq!(verify(&keys.ed, claims), Some(TokenError::Invalid));
    }
    assert_eq!(verify(&Pair::ed("ed"), over("phone", "")), Some(TokenError::Invalid));
}
