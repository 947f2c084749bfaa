//! What the console answers before it looks at anything: who asks, and from where.

use annals_infra::{
    auth::dev::AUDIENCE,
    console::{self, POLICY},
    serve::{self, Roles},
};
use annals_tests::{
    World, lift,
    token::{self, OLD_ISSUER, SECRET, Who},
};
use chrono::Utc;
use serde_json::json;
use uuid::Uuid;

use super::{Visitor, address, sent, world};

const ASKED: [&str; 11] = [
    "POST /api/search",
    "POST /api/story",
    "POST /api/row",
    "POST /api/row/as-of",
    "POST /api/charts",
    "POST /api/verify",
    "POST /api/replay",
    "POST /api/jobs/0b000000-0000-7000-8000-000000000001/stop",
    "GET /api/me",
    "GET /api/status",
    "GET /api/jobs",
];
const JSON: &str = "Content-Type: application/json\r\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_not_signed_in_gets_the_door_and_nothing_else() {
    let world = world().await;
    lift::account(&world).await;
    let at = address(&world);
    let page = sent(at, "GET", "/", "", "").await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("<title>Annals</title>"), "{}", page.body);
    for asked in ASKED {
        let (method, path) = asked.split_once(' ').unwrap();
        for headers in [
            JSON.to_owned(),
            format!("{JSON}Authorization: Bearer nonsense\r\n"),
            format!("{JSON}Cookie: annals_session=a.b.c\r\n"),
        ] {
            let answer = sent(at, method, path, &headers, "{}").await;
            assert_eq!(answer.status, 401, "{asked}: {}", answer.body);
            let body = answer.json();
            let mut told: Vec<_> = body.as_object().unwrap().keys().cloned().collect();
            told.sort();
            assert_eq!(told, ["code", "detail", "ok", "status", "title"], "{asked}");
        }
    }
    // What is looked for is in no address, where proxies would write it down.
    assert_eq!(sent(at, "GET", "/api/search?text=Kit", "", "").await.status, 405);
    // Nobody is offered the people of a demo that this is none of.
    assert_eq!(sent(at, "GET", "/api/people", "", "").await.json(), json!([]));
    let anybody = json!({"person": "ava"}).to_string();
    assert_eq!(sent(at, "POST", "/api/session", JSON, &anybody).await.status, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_says_how_a_browser_is_to_treat_it() {
    let world = world().await;
    let at = address(&world);
    for path in ["/", "/console.js", "/console.css", "/mark.svg", "/api/me", "/nothing"] {
        let answer = sent(at, "GET", path, "", "").await;
        assert_eq!(answer.header("content-security-policy"), Some(POLICY), "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("x-frame-options"), Some("DENY"), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
    }
    for word in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"] {
        assert!(POLICY.contains(word), "{word}");
    }
    assert!(!POLICY.contains("unsafe"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_a_cookie_that_no_script_reads_and_no_other_site_sends() {
    let world = world().await;
    let ava = lift::account(&world).await;
    let at = address(&world);
    let body = json!({"token": token::token(Who::Person(ava))}).to_string();
    let answer = sent(at, "POST", "/api/session", JSON, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let cookie = answer.header("set-cookie").unwrap().to_owned();
    for word in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age="] {
        assert!(cookie.contains(word), "{cookie}");
    }
    let kept = cookie.split(';').next().unwrap();
    let cookie = format!("Cookie: {kept}\r\n");
    let me = sent(at, "GET", "/api/me", &cookie, "").await.json();
    assert_eq!((&me["id"], &me["operator"]), (&json!(ava), &json!(false)));

    for (headers, why) in [
        (format!("{JSON}{cookie}Origin: https://evil.example\r\n"), "another site"),
        (format!("{JSON}{cookie}Sec-Fetch-Site: cross-site\r\n"), "another site's script"),
        (format!("Content-Type: text/plain\r\n{cookie}"), "a form"),
    ] {
        let answer = sent(at, "POST", "/api/search", &headers, "{}").await;
        assert_eq!((answer.status, &answer.json()["code"]), (403, &json!("cross_site")), "{why}");
    }
    let own = format!("{JSON}{cookie}Origin: http://{at}\r\nSec-Fetch-Site: same-origin\r\n");
    assert_eq!(sent(at, "POST", "/api/search", &own, "{}").await.status, 200);
    let out = sent(at, "POST", "/api/session/end", &own, "{}").await;
    assert!(out.header("set-cookie").unwrap().contains("Max-Age=0"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_over_or_a_services_opens_nothing() {
    let world = world().await;
    let service = Visitor::of(&world, Who::System);
    let refused = service.get("/api/me").await;
    assert_eq!((refused.status, &refused.json()["code"]), (403, &json!("not_for_services")));
    let now = Utc::now().timestamp();
    let old = json!({
        "iss": OLD_ISSUER, "aud": AUDIENCE, "sub": lift::AVA, "role": "authenticated",
        "iat": now - 7_200, "exp": now - 3_600, "app_metadata": {},
    });
    let over = Visitor { token: token::signed(SECRET, &old), ..service };
    let refused = over.ask("/api/search", json!({})).await;
    assert_eq!((refused.status, &refused.json()["code"]), (401, &json!("token_expired")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_machine_of_ones_own_people_sign_in_by_name() {
    let ava = lift::AVA;
    let world = World::start_with(|config| {
        config.console = Some(console::Config {
            address: ([127, 0, 0, 1], 0).into(),
            people: Some(console::People {
                list: vec![("ava".to_owned(), "an administrator".to_owned())],
                token: std::sync::Arc::new(move |name| {
                    (name == "ava").then(|| token::token(Who::Person(ava)))
                }),
            }),
        });
    })
    .await;
    let at = address(&world);
    let listed = sent(at, "GET", "/api/people", "", "").await.json();
    assert_eq!(listed, json!([{"name": "ava", "about": "an administrator"}]));
    let by_name = |name: &str| json!({ "person": name }).to_string();
    let answer = sent(at, "POST", "/api/session", JSON, &by_name("ava")).await;
    assert_eq!(answer.json()["id"], json!(ava));
    assert_eq!(sent(at, "POST", "/api/session", JSON, &by_name("eve")).await.status, 404);
    // A name that somebody else's DNS gives to this machine is none of its own.
    let rebound = format!("{JSON}Host: evil.example\r\n");
    let answer = sent(at, "POST", "/api/session", &rebound, &by_name("ava")).await;
    assert!(answer.header("set-cookie").is_none(), "{}", answer.head);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_makes_no_sense_is_refused_with_a_sentence() {
    let world = world().await;
    let ava = Visitor::person(&world, lift::account(&world).await);
    for (path, body) in [
        ("/api/row", json!({"table": "lift.alrts", "key": ["x"]})),
        ("/api/row", json!({"table": "lift.alerts", "key": []})),
        ("/api/row", json!({"table": "lift.alerts", "key": ["no uuid"]})),
        ("/api/row/as-of", json!({"table": "lift.alerts", "key": ["no uuid"], "position": 1})),
    ] {
        let answer = ava.ask(path, body.clone()).await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.body);
        assert_eq!(answer.json()["code"], "invalid_request");
    }
    let nobody = Uuid::now_v7();
    ava.finds_nothing("/api/story", json!({"kind": "lift.alert", "id": nobody})).await;
    ava.finds_nothing("/api/story", json!({"kind": "lift.nothing", "id": nobody})).await;
    ava.finds_nothing("/api/row", json!({"table": "lift.alerts", "key": [nobody]})).await;
    let sneaky = json!({"text": "'; DROP TABLE lift.alerts; --", "tenant": "%"});
    assert_eq!(ava.finds("/api/search", sneaky).await["events"], json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_login_that_postgres_believes_there_is_no_console() {
    let world = World::asleep().await;
    world.execute("DELETE FROM annals.claim_setters").await.unwrap();
    let mut config = world.config();
    config.roles = Roles::NONE;
    config.console = Some(console::Config { address: ([127, 0, 0, 1], 0).into(), people: None });
    let refused = serve::start(config).await.unwrap_err().to_string();
    assert!(refused.contains("INSERT INTO annals.claim_setters"), "{refused}");
}
