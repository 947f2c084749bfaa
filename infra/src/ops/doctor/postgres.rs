//! Whether Postgres keeps what it says it kept, and whether the roles are what they should be.

use sqlx::{FromRow, PgPool};

use super::finding::{Finding, some};

/// Roles of ours. Supabase brings its own `service_role`, which bypasses row security there.
const ROLES: [&str; 9] = [
    "annals_owner",
    "annals_appender",
    "annals_relay",
    "annals_notary",
    "annals_auditor",
    "projector",
    "authenticated",
    "anon",
    "analyst",
];
/// Those that a service's login takes on.
const TAKEN_ON: [&str; 4] = ["annals_appender", "annals_relay", "annals_notary", "projector"];

#[derive(Debug, Clone, FromRow)]
struct Server {
    number: i32,
    version: String,
    fsync: String,
    full_page_writes: String,
    synchronous_commit: String,
    data_checksums: String,
    login: String,
    is_superuser: bool,
}

#[derive(Debug, Clone, FromRow)]
struct Role {
    name: String,
    is_superuser: bool,
    bypasses: bool,
    can_log_in: bool,
    taken_on: bool,
}

/// Looks at the server and at the roles.
pub(super) async fn check(pool: &PgPool, is_dev: bool) -> Vec<Finding> {
    let server: Result<Server, _> = sqlx::query_as(
        "SELECT current_setting('server_version_num')::int AS number,
                current_setting('server_version') AS version,
                current_setting('fsync') AS fsync,
                current_setting('full_page_writes') AS full_page_writes,
                current_setting('synchronous_commit') AS synchronous_commit,
                current_setting('data_checksums') AS data_checksums,
                session_user::text AS login,
                (SELECT rolsuper FROM pg_roles WHERE rolname = session_user) AS is_superuser",
    )
    .fetch_one(pool)
    .await;
    let mut findings = match server {
        Ok(server) => of_server(&server, is_dev),
        Err(error) => vec![Finding::unanswered("postgres", &error)],
    };
    let roles: Result<Vec<Role>, _> = sqlx::query_as(
        "SELECT rolname::text AS name, rolsuper AS is_superuser, rolbypassrls AS bypasses,
                rolcanlogin AS can_log_in, pg_has_role(session_user, oid, 'MEMBER') AS taken_on
         FROM pg_roles WHERE rolname = ANY ($1)",
    )
    .bind(ROLES.as_slice())
    .fetch_all(pool)
    .await;
    match roles {
        Ok(roles) => findings.extend(of_roles(&roles)),
        Err(error) => findings.push(Finding::unanswered("roles", &error)),
    }
    findings
}

fn of_server(server: &Server, is_dev: bool) -> Vec<Finding> {
    let version = &server.version;
    let mut findings = vec![if server.number < 150_000 {
        Finding::failed("postgres", format!("version {version}"), "Annals needs 15 or newer")
    } else {
        Finding::ok("postgres", format!("answers, version {version}"))
    }];
    let lossy: Vec<_> = [
        ("fsync", &server.fsync),
        ("full_page_writes", &server.full_page_writes),
        ("synchronous_commit", &server.synchronous_commit),
    ]
    .into_iter()
    .filter(|(_, value)| value.as_str() == "off")
    .map(|(name, _)| format!("{name} is off"))
    .collect();
    findings.push(Finding::none_of(
        "durability",
        &lossy,
        "this Postgres can lose commits that were acknowledged, and annals serve refuses it: \
         ALTER SYSTEM SET … = on; SELECT pg_reload_conf();",
        format!("fsync and full_page_writes on, synchronous_commit {}", server.synchronous_commit),
    ));
    findings.push(match server.data_checksums.as_str() {
        "on" => Finding::ok("checksums", "pages carry checksums"),
        _ => Finding::warning(
            "checksums",
            "pages carry none: a disk that rots stays unnoticed",
            "stop Postgres and run pg_checksums --enable",
        ),
    });
    let login = &server.login;
    findings.push(match (server.is_superuser, is_dev) {
        (true, false) => Finding::warning(
            "login",
            format!("{login} is a superuser, whom no policy stops"),
            "give services a login that is only a member of annals_appender, annals_relay, \
             annals_notary, projector",
        ),
        (true, true) => Finding::ok("login", format!("{login}, the superuser of annals dev")),
        (false, _) => Finding::ok("login", format!("{login}, no superuser")),
    });
    findings
}

fn of_roles(roles: &[Role]) -> Vec<Finding> {
    let is_known = |name: &&str| roles.iter().any(|role| role.name == *name);
    let missing: Vec<_> =
        ROLES.into_iter().filter(|name| !is_known(name)).map(str::to_owned).collect();
    let name = |role: &Role| role.name.clone();
    let mighty: Vec<_> =
        roles.iter().filter(|it| it.is_superuser || it.bypasses).map(name).collect();
    let doors: Vec<_> = roles
        .iter()
        .filter(|it| it.can_log_in && it.name.starts_with("annals_"))
        .map(name)
        .collect();
    let closed: Vec<_> = roles
        .iter()
        .filter(|it| !it.taken_on && TAKEN_ON.contains(&it.name.as_str()))
        .map(name)
        .collect();
    let mut findings = vec![
        Finding::none_of("roles", &missing, "missing: run annals migrate", "all are there"),
        Finding::none_of(
            "rights",
            &mighty,
            "superusers and roles that bypass row security see every row: ALTER ROLE … NOSUPERUSER \
             NOBYPASSRLS",
            "none of ours is a superuser or bypasses row security",
        ),
        Finding::none_of(
            "logins",
            &doors,
            "nobody should log in as these, only be a member of them: ALTER ROLE … NOLOGIN",
            "nobody can log in as a role of ours",
        ),
    ];
    if !closed.is_empty() {
        findings.push(Finding::warning(
            "membership",
            format!("the login may not act as {}", some(&closed)),
            "annals serve with this login needs GRANT <role> TO <login>; an auditor's does not",
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::{super::finding::Verdict, *};

    fn server() -> Server {
        Server {
            number: 180_001,
            version: "18.1".into(),
            fsync: "on".into(),
            full_page_writes: "on".into(),
            synchronous_commit: "on".into(),
            data_checksums: "on".into(),
            login: "annals".into(),
            is_superuser: false,
        }
    }

    fn role(name: &str) -> Role {
        let name = name.to_owned();
        Role { name, is_superuser: false, bypasses: false, can_log_in: false, taken_on: true }
    }

    fn worst(findings: &[Finding]) -> Vec<(&'static str, Verdict)> {
        let bad = findings.iter().filter(|it| it.verdict != Verdict::Ok);
        bad.map(|it| (it.check, it.verdict)).collect()
    }

    #[test]
    fn a_postgres_that_can_lose_commits_fails() {
        assert_eq!(worst(&of_server(&server(), false)), []);
        let old = Server { number: 140_009, ..server() };
        assert_eq!(worst(&of_server(&old, false)), [("postgres", Verdict::Failed)]);
        let lossy = Server { fsync: "off".into(), synchronous_commit: "off".into(), ..server() };
        let findings = of_server(&lossy, false);
        assert_eq!(worst(&findings), [("durability", Verdict::Failed)]);
        assert_eq!(findings[1].seen, "fsync is off, synchronous_commit is off");
    }

    #[test]
    fn what_could_be_better_is_a_warning() {
        let careless = Server { data_checksums: "off".into(), is_superuser: true, ..server() };
        let expected = [("checksums", Verdict::Warning), ("login", Verdict::Warning)];
        assert_eq!(worst(&of_server(&careless, false)), expected);
        assert_eq!(worst(&of_server(&careless, true)), expected[..1]);
    }

    #[test]
    fn roles_are_there_and_have_no_rights_beyond_their_own() {
        let all: Vec<_> = ROLES.map(role).to_vec();
        assert_eq!(worst(&of_roles(&all)), []);
        let mut odd = all.clone();
        odd[4].bypasses = true;
        odd[0].can_log_in = true;
        odd[1].taken_on = false;
        odd.pop();
        assert_eq!(
            worst(&of_roles(&odd)),
            [
                ("roles", Verdict::Failed),
                ("rights", Verdict::Failed),
                ("logins", Verdict::Failed),
                ("membership", Verdict::Warning)
            ]
        );
    }
}
