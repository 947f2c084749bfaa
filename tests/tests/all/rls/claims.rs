//! Who may say for whom a session speaks (contract F009).

use annals_tests::{World, samia, samia::CLARA, samia::DORA};
use sqlx::{ConnectOptions, Connection, Executor, PgConnection, postgres::PgConnectOptions};
use uuid::Uuid;

/// No wallet at all.
const NOBODYS: [Uuid; 0] = [];

/// A login of this test's own, dropped by [`Login::drop_from`].
struct Login {
    name: String,
    options: PgConnectOptions,
}

impl Login {
    async fn make(world: &World, member_of: &str) -> Self {
        let name = format!("test_{}", Uuid::now_v7().simple());
        let password = Uuid::new_v4().simple().to_string();
        let make = format!("CREATE ROLE {name} LOGIN PASSWORD '{password}' IN ROLE {member_of}");
        world.execute(&make).await.unwrap();
        let options: PgConnectOptions = world.database_url().parse().unwrap();
        let options = options.username(&name).password(&password);
        Self { name, options }
    }

    async fn connect(&self) -> PgConnection {
        self.options.connect().await.unwrap()
    }

    async fn drop_from(self, world: &World) {
        world.execute(&format!("DROP ROLE {}", self.name)).await.unwrap();
    }
}

/// Whose wallets a session sees.
async fn seen(connection: &mut PgConnection) -> Vec<Uuid> {
    let sql = "SELECT user_id FROM samia.user_wallets ORDER BY user_id";
    sqlx::query_scalar(sql).fetch_all(connection).await.unwrap()
}

async fn pretend(connection: &mut PgConnection, person: Uuid) {
    let claims = format!("{{\"sub\": \"{person}\", \"role\": \"service_role\"}}");
    for (name, value) in
        [("request.jwt.claims", claims), ("request.jwt.claim.sub", person.to_string())]
    {
        let set = "SELECT set_config($1, $2, false)";
        sqlx::query(set).bind(name).bind(value).execute(&mut *connection).await.unwrap();
    }
}

async fn two_wallets() -> World {
    let world = World::start().await;
    samia::wallet_of(&world, CLARA, "10.00").await;
    samia::wallet_of(&world, DORA, "20.00").await;
    world
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_analyst_is_nobody_until_the_map_says_who() {
    let world = two_wallets().await;
    let analyst = Login::make(&world, "analyst").await;
    let mut session = analyst.connect().await;
    assert_eq!(seen(&mut session).await, NOBODYS);
    pretend(&mut session, CLARA).await;
    assert_eq!(seen(&mut session).await, NOBODYS, "claims of one's own are not believed");
    session.execute("SET ROLE authenticated").await.unwrap();
    assert_eq!(seen(&mut session).await, NOBODYS, "nor in another role");
    let map = format!("INSERT INTO annals.login_subjects VALUES ('{}', '{DORA}')", analyst.name);
    world.execute(&map).await.unwrap();
    assert_eq!(seen(&mut session).await, [DORA]);
    session.execute("RESET ROLE").await.unwrap();
    assert_eq!(seen(&mut session).await, [DORA], "whatever the claims say");
    session.close().await.unwrap();
    analyst.drop_from(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_analyst_cannot_make_itself_trusted() {
    let world = two_wallets().await;
    let analyst = Login::make(&world, "analyst").await;
    let mut session = analyst.connect().await;
    for sql in [
        "INSERT INTO annals.claim_setters VALUES (session_user)",
        "INSERT INTO annals.login_subjects VALUES (session_user, gen_random_uuid())",
        "SELECT * FROM annals.login_subjects",
        "SET ROLE projector",
        "SET ROLE annals_owner",
        "SET SESSION AUTHORIZATION annals_owner",
        "SELECT payload FROM annals.events",
        "ALTER TABLE samia.user_wallets DISABLE ROW LEVEL SECURITY",
        "CREATE OR REPLACE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql AS 'SELECT gen_random_uuid()'",
    ] {
        let error = session.execute(sql).await.map(|_| format!("may {sql}")).unwrap_err();
        let code = error.as_database_error().unwrap().code().unwrap().into_owned();
        assert_eq!(code, "42501", "{sql}");
    }
    session.close().await.unwrap();
    analyst.drop_from(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_service_that_is_trusted_speaks_for_whom_it_says() {
    let world = two_wallets().await;
    let service = Login::make(&world, "authenticated").await;
    let mut session = service.connect().await;
    pretend(&mut session, CLARA).await;
    assert_eq!(seen(&mut session).await, NOBODYS);
    let trust = format!("INSERT INTO annals.claim_setters VALUES ('{}')", service.name);
    world.execute(&trust).await.unwrap();
    for person in [CLARA, DORA] {
        pretend(&mut session, person).await;
        assert_eq!(seen(&mut session).await, [person]);
    }
    for claims in ["", "{}", "{\"sub\": \"\"}"] {
        let set = "SELECT set_config('request.jwt.claims', $1, false),
                          set_config('request.jwt.claim.sub', '', false)";
        sqlx::query(set).bind(claims).execute(&mut session).await.unwrap();
        assert_eq!(seen(&mut session).await, NOBODYS, "{claims:?}");
    }
    session.close().await.unwrap();
    service.drop_from(&world).await;
}
