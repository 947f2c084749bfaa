//! The key store, on a real Postgres.

use std::{convert::Infallible, sync::Arc};

use serde_json::json;
use sqlx::PgPool;

use super::*;
use crate::dev::harness::{self, Database};

/// A key store for one test.
struct Stage {
    database: Database,
}

impl Stage {
    async fn new() -> Self {
        let postgres = harness::postgres().await.unwrap();
        let empty = async |_: String| Ok::<_, Infallible>(());
        Self { database: postgres.database("empty", empty).await.unwrap() }
    }

    /// A process that has this key-encryption key.
    async fn process(&self, kek: u8) -> Keys {
        self.connect(Kek::from_secret([kek; 32]).unwrap()).await.unwrap()
    }

    async fn connect(&self, kek: Kek) -> Result<Keys, KeysError> {
        Keys::connect(&self.database.url(), kek, true).await
    }

    async fn sql(&self) -> PgPool {
        PgPool::connect(&self.database.url()).await.unwrap()
    }

    /// All rows of persons.
    async fn rows(&self) -> Vec<(String, i32, bool)> {
        sqlx::query_as(
            "SELECT subject, number, wrapped IS NOT NULL FROM annals_keys.subject_keys
             WHERE subject <> 'annals.deployment' ORDER BY subject, number",
        )
        .fetch_all(&self.sql().await)
        .await
        .unwrap()
    }
}

/// A file with these key-encryption keys.
fn kek(secrets: &[u8]) -> Kek {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kek");
    let lines: Vec<_> = secrets.iter().map(|it| format!("{it:02x}").repeat(32)).collect();
    std::fs::write(&path, lines.join("\n")).unwrap();
    let owners = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o600);
    std::fs::set_permissions(&path, owners).unwrap();
    Kek::open(&path).unwrap()
}

fn persons(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// The commitment of a person's live key; nothing where it is destroyed.
fn commitment(keys: &Keys, person: &str) -> Option<String> {
    keys.cached(person).expect("it is in memory").live().map(DataKey::commitment_text)
}

#[tokio::test]
async fn a_person_has_one_key_in_every_process_and_after_every_restart() {
    let stage = Stage::new().await;
    let (one, other) = (stage.process(1).await, stage.process(1).await);
    let both = persons(&["ada", "ben", "ada"]);
    one.ensure(&both).await.unwrap();
    other.ensure(&both).await.unwrap();
    let ada = commitment(&one, "ada").unwrap();
    assert_eq!(commitment(&other, "ada").as_ref(), Some(&ada));
    assert_ne!(commitment(&one, "ben").as_ref(), Some(&ada));
    let later = stage.process(1).await;
    assert!(later.cached("ada").is_none());
    later.load(&persons(&["ada"])).await.unwrap();
    assert_eq!(commitment(&later, "ada"), Some(ada));
    assert_eq!(stage.rows().await, [("ada".to_owned(), 1, true), ("ben".to_owned(), 1, true)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn however_many_make_keys_at_once_each_person_gets_one() {
    let stage = Stage::new().await;
    let processes = [Arc::new(stage.process(1).await), Arc::new(stage.process(1).await)];
    let people: Vec<String> = (0..40).map(|nth| format!("person-{nth}")).collect();
    let tasks = (0..32).map(|nth: usize| {
        let keys = Arc::clone(&processes[nth % 2]);
        // Each asks for some of them, in an order of its own.
        let mut mine: Vec<String> = people.iter().cycle().skip(nth * 7).take(30).cloned().collect();
        if nth.is_multiple_of(3) {
            mine.reverse();
        }
        tokio::spawn(async move {
            keys.ensure(&mine).await.unwrap();
            mine.into_iter().map(|it| (commitment(&keys, &it).unwrap(), it)).collect::<Vec<_>>()
        })
    });
    let seen = futures::future::try_join_all(tasks).await.unwrap();
    let different: std::collections::BTreeSet<_> = seen.into_iter().flatten().collect();
    assert_eq!(different.len(), people.len());
    assert_eq!(stage.rows().await.len(), people.len());
}

#[tokio::test]
async fn a_destroyed_key_stays_destroyed_everywhere() {
    let stage = Stage::new().await;
    let (one, other) = (stage.process(1).await, stage.process(1).await);
    let people = persons(&["ada", "ben"]);
    one.ensure(&people).await.unwrap();
    other.ensure(&people).await.unwrap();
    let was = *one.cached("ada").unwrap().live().unwrap().commitment();

    let receipt = one.destroy("ada").await.unwrap();
    assert_eq!(receipt.len(), 1);
    assert_eq!((receipt[0].number, receipt[0].commitment.as_deref()), (1, Some(&was[..])));
    assert_eq!(one.destroy("ada").await.unwrap(), receipt, "asked again");
    assert_eq!(commitment(&one, "ada"), None);

    assert!(commitment(&other, "ada").is_some(), "nobody told it yet");
    other.refresh_destroyed().await.unwrap();
    assert_eq!(commitment(&other, "ada"), None);
    assert!(commitment(&other, "ben").is_some());
    for keys in [&one, &other, &stage.process(1).await] {
        keys.ensure(&people).await.unwrap();
        keys.load(&people).await.unwrap();
        assert_eq!(commitment(keys, "ada"), None);
        assert!(commitment(keys, "ben").is_some());
    }
    assert_eq!(stage.rows().await, [("ada".to_owned(), 1, false), ("ben".to_owned(), 1, true)]);
}

#[tokio::test]
async fn somebody_without_a_key_can_be_fenced_off_as_well() {
    let stage = Stage::new().await;
    let keys = stage.process(1).await;
    let receipt = keys.destroy("eve").await.unwrap();
    assert_eq!((receipt[0].number, &receipt[0].commitment), (1, &None));
    keys.ensure(&persons(&["eve"])).await.unwrap();
    assert_eq!(commitment(&keys, "eve"), None);
    let other = stage.process(1).await;
    other.ensure(&persons(&["eve"])).await.unwrap();
    assert_eq!(commitment(&other, "eve"), None);
}

#[tokio::test]
async fn a_key_that_never_was_is_missing_and_not_erased() {
    let stage = Stage::new().await;
    let keys = stage.process(1).await;
    keys.load(&persons(&["nobody"])).await.unwrap();
    assert!(keys.cached("nobody").is_none());
    assert_eq!(stage.rows().await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_destruction_is_missed_by_who_reads_at_the_same_time() {
    let stage = Stage::new().await;
    let (one, other) = (Arc::new(stage.process(1).await), Arc::new(stage.process(1).await));
    let people: Vec<String> = (0..60).map(|nth| format!("person-{nth}")).collect();
    one.ensure(&people).await.unwrap();
    let destroying = people.chunks(15).map(|some| {
        let (keys, some) = (Arc::clone(&one), some.to_vec());
        tokio::spawn(async move {
            for person in some {
                keys.destroy(&person).await.unwrap();
            }
        })
    });
    let reading = (0..4).map(|nth| {
        let (keys, people) = (Arc::clone(&other), people.clone());
        tokio::spawn(async move {
            for round in 0..20 {
                let some: Vec<_> =
                    people.iter().skip((nth * 11 + round) % 50).take(10).cloned().collect();
                keys.load(&some).await.unwrap();
                keys.refresh_destroyed().await.unwrap();
            }
        })
    });
    let tasks: Vec<_> = destroying.chain(reading).collect();
    futures::future::try_join_all(tasks).await.unwrap();
    other.refresh_destroyed().await.unwrap();
    for person in &people {
        let known = other.cached(person);
        assert!(known.is_none_or(|state| state.live().is_none()), "{person}");
    }
    let numbers: Vec<i64> = sqlx::query_scalar(
        "SELECT destruction FROM annals_keys.subject_keys
         WHERE destruction IS NOT NULL ORDER BY destruction",
    )
    .fetch_all(&stage.sql().await)
    .await
    .unwrap();
    assert_eq!(numbers, (1..=60).collect::<Vec<i64>>(), "without gaps");
}

#[tokio::test]
async fn the_key_encryption_key_can_be_replaced_while_services_run() {
    let stage = Stage::new().await;
    let old = stage.process(1).await;
    let people: Vec<String> = (0..1200).map(|nth| format!("person-{nth}")).collect();
    old.ensure(&people).await.unwrap();
    old.destroy("person-7").await.unwrap();
    let before: Vec<_> = people.iter().map(|person| commitment(&old, person)).collect();
    let purpose = *old.derived("a purpose").unwrap();

    assert!(
        matches!(stage.connect(kek(&[2])).await, Err(KeysError::OtherKek(id)) if id == old.kek.id())
    );
    let both = stage.connect(kek(&[1, 2])).await.unwrap();
    let mut told = Vec::new();
    let done = both.rewrap(|count| told.push(count)).await.unwrap();
    assert_eq!((done, told), (1200, vec![500, 1000, 1200]), "1199 people and the deployment");
    assert_eq!(both.rewrap(|_| panic!("nothing is left to do")).await.unwrap(), 0);

    let new = stage.connect(kek(&[2])).await.unwrap();
    new.load(&people).await.unwrap();
    let after: Vec<_> = people.iter().map(|person| commitment(&new, person)).collect();
    assert_eq!(after, before);
    assert_eq!(*new.derived("a purpose").unwrap(), purpose);
    assert_ne!(*new.derived("another").unwrap(), purpose);
    assert!(matches!(stage.connect(kek(&[1])).await, Err(KeysError::OtherKek(_))));
}

#[tokio::test]
async fn a_wrapped_key_that_was_altered_or_moved_is_an_error() {
    let stage = Stage::new().await;
    let keys = stage.process(1).await;
    keys.ensure(&persons(&["ada", "ben", "cyd"])).await.unwrap();
    let sql = stage.sql().await;
    for change in [
        "UPDATE annals_keys.subject_keys SET wrapped = set_byte(wrapped, 20, get_byte(wrapped, 20) # 1)
         WHERE subject = 'ada'",
        "UPDATE annals_keys.subject_keys SET wrapped = (
             SELECT wrapped FROM annals_keys.subject_keys WHERE subject = 'cyd')
         WHERE subject = 'ben'",
    ] {
        sqlx::query(change).execute(&sql).await.unwrap();
    }
    let later = stage.process(1).await;
    for person in ["ada", "ben"] {
        let loaded = later.load(&persons(&[person])).await;
        assert!(matches!(loaded, Err(KeysError::Damaged)), "{person}");
        assert!(later.cached(person).is_none());
    }
    later.load(&persons(&["cyd"])).await.unwrap();
    assert_eq!(commitment(&later, "cyd"), commitment(&keys, "cyd"));
}

#[tokio::test]
async fn the_database_itself_keeps_what_is_destroyed_destroyed() {
    let stage = Stage::new().await;
    let keys = stage.process(1).await;
    keys.ensure(&persons(&["ada", "ben"])).await.unwrap();
    keys.destroy("ada").await.unwrap();
    let sql = stage.sql().await;
    for forbidden in [
        "DELETE FROM annals_keys.subject_keys",
        "TRUNCATE annals_keys.subject_keys",
        "UPDATE annals_keys.subject_keys SET destroyed_at = NULL, destruction = NULL,
                wrapped = '', kek_id = '' WHERE subject = 'ada'",
        "UPDATE annals_keys.subject_keys SET destroyed_at = now() WHERE subject = 'ada'",
        "UPDATE annals_keys.subject_keys SET subject = 'eve' WHERE subject = 'ben'",
        "UPDATE annals_keys.subject_keys SET commitment = '' WHERE subject = 'ben'",
        "UPDATE annals_keys.subject_keys SET wrapped = NULL WHERE subject = 'ben'",
        "UPDATE annals_keys.subject_keys SET destroyed_at = now() WHERE subject = 'ben'",
        "INSERT INTO annals_keys.subject_keys (subject, number, wrapped) VALUES ('eve', 1, '')",
        "INSERT INTO annals_keys.subject_keys (subject, number, destroyed_at, destruction)
         VALUES ('eve', 0, now(), 9)",
    ] {
        let refused = sqlx::query(forbidden).execute(&sql).await.unwrap_err();
        let code = refused.as_database_error().and_then(|it| it.code());
        assert!(code.is_some_and(|code| code.starts_with("23")), "{forbidden}: {refused}");
    }
    assert_eq!(stage.rows().await, [("ada".to_owned(), 1, false), ("ben".to_owned(), 1, true)]);
    assert!(matches!(keys.destroy("annals.deployment").await, Err(KeysError::NoPerson)));
}

#[tokio::test]
async fn whoever_may_not_change_schemas_can_use_a_key_store_that_is_up_to_date() {
    let stage = Stage::new().await;
    Keys::migrate(&stage.database.url()).await.unwrap();
    let unused = Keys::open(&stage.database.url(), kek(&[1])).await.unwrap();
    assert!(matches!(unused.derived("a purpose"), Err(KeysError::Unused)));
    let sql = stage.sql().await;
    let role = format!("service_{}", std::process::id());
    for grant in [
        "CREATE ROLE who LOGIN PASSWORD 'x'",
        "GRANT USAGE ON SCHEMA annals_keys TO who",
        "GRANT SELECT ON annals_keys._sqlx_migrations TO who",
        "GRANT SELECT, INSERT, UPDATE ON annals_keys.subject_keys TO who",
    ] {
        let grant = grant.replace("who", &role);
        sqlx::query(&grant).execute(&sql).await.unwrap();
    }
    let own = stage.database.url();
    let (_, rest) = own.split_once('@').unwrap();
    let url = format!("postgres://{role}:x@{rest}");
    let keys = Keys::connect(&url, kek(&[1]), true).await;
    let worked = match &keys {
        Ok(keys) => {
            keys.ensure(&persons(&["ada"])).await.unwrap();
            keys.destroy("ada").await.unwrap();
            keys.rewrap(|_| ()).await.is_ok()
        }
        Err(error) => panic!("{error}"),
    };
    assert!(worked);
    drop(keys);
    for end in ["DROP OWNED BY who", "DROP ROLE who"] {
        sqlx::query(&end.replace("who", &role)).execute(&sql).await.unwrap();
    }
}

#[tokio::test]
async fn a_postgres_that_can_lose_keys_is_refused() {
    let stage = Stage::new().await;
    let refused = Keys::connect(&stage.database.url(), kek(&[1]), false).await;
    assert!(matches!(refused, Err(KeysError::Connect(_))), "tests run without fsync");
    assert!(matches!(Keys::connect("nonsense", kek(&[1]), true).await, Err(KeysError::Url)));
}

#[tokio::test]
async fn what_is_sealed_in_one_process_is_opened_in_another_until_it_is_destroyed() {
    use annals_domain::{EventData, shared::identity::IdentityRegistered};

    use crate::{
        seal::{SealContext, open_fields, seal_fields},
        store::SealedSubject,
    };

    let stage = Stage::new().await;
    let (one, other) = (stage.process(1).await, stage.process(1).await);
    let context = SealContext {
        tenant: "ada",
        aggregate_type: "shared.identity",
        aggregate_id: "ada",
        sequence: 1,
    };
    let clear = json!({"email": "ada@example.org"});
    let mut fields = clear.as_object().unwrap().clone();
    one.ensure(&persons(&["ada"])).await.unwrap();
    let state = one.cached("ada").unwrap();
    let key = state.live().unwrap();
    seal_fields(&mut fields, &IdentityRegistered::TYPE, &context, key).unwrap();
    let named = SealedSubject {
        subject: key.subject().to_owned(),
        key: key.number(),
        commitment: key.commitment_text(),
    };
    let open = |keys: &Keys| {
        let mut fields = fields.clone();
        let state = keys.cached("ada").unwrap();
        let erased =
            open_fields(&mut fields, &IdentityRegistered::TYPE, &context, &named, &state).unwrap();
        (serde_json::Value::Object(fields), erased)
    };
    other.load(&persons(&["ada"])).await.unwrap();
    assert_eq!(open(&other), (clear, false));
    other.destroy("ada").await.unwrap();
    assert_eq!(open(&other), (json!({"email": "ada@erased.invalid"}), true));
}

/// Whether a type has a trait: its own method is found before the trait's that stands in.
macro_rules! has_trait {
    ($kind:ty, $trait:path) => {{
        struct Asked<T: ?Sized>(std::marker::PhantomData<T>);
        #[allow(dead_code, reason = "used for types that have not")]
        trait Without {
            const HAS: bool = false;
        }
        impl<T: ?Sized> Without for Asked<T> {}
        impl<T: ?Sized + $trait> Asked<T> {
            #[allow(dead_code, reason = "used for types that have")]
            const HAS: bool = true;
        }
        <Asked<$kind>>::HAS
    }};
}

#[test]
fn keys_cannot_be_printed_written_or_copied() {
    use std::fmt::{Debug, Display};
    const { assert!(has_trait!(String, Debug) && has_trait!(String, Clone)) };
    const { assert!(!has_trait!(DataKey, Debug) && !has_trait!(DataKey, Display)) };
    const { assert!(!has_trait!(DataKey, serde::Serialize) && !has_trait!(DataKey, Clone)) };
    const { assert!(!has_trait!(KeyState, Debug) && !has_trait!(KeyState, serde::Serialize)) };
    const { assert!(!has_trait!(Kek, Debug) && !has_trait!(Kek, serde::Serialize)) };
    const { assert!(!has_trait!(Kek, Clone)) };
}
