-- Roles are the server's, not the database's: each is made only if it is absent, so that the same
-- migration runs on an empty cluster, beside other databases of ours, and on Supabase.
DO $$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY[
        'annals_owner',     -- owns every table and function; nobody logs in as it
        'annals_appender',  -- command services: may call annals.append, and read what they decide on
        'annals_relay',     -- reads events and remembers how far they are published
        'annals_auditor',   -- reads the log and its evidence
        'projector',        -- the only writer of read models (shared.role.projector)
        'authenticated',    -- signed-in subjects' queries (shared.role.authenticated)
        'anon',             -- visitors who are not signed in (shared.role.anon)
        'analyst',          -- analysts' own logins are members of it (shared.role.analyst)
        'service_role'      -- known from Supabase; has no rights here
    ] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
    END LOOP;
    -- One connection of a service takes the role that its work needs; whoever migrates can be each.
    FOREACH role_name IN ARRAY ARRAY[
        'annals_owner', 'annals_appender', 'annals_relay', 'annals_auditor', 'projector',
        'authenticated', 'anon'
    ] LOOP
        IF NOT pg_has_role(session_user, role_name, 'MEMBER') THEN
            BEGIN
                EXECUTE format('GRANT %I TO %I', role_name, session_user);
            EXCEPTION WHEN unique_violation THEN
                NULL;
            END;
        END IF;
    END LOOP;
    IF NOT pg_has_role('analyst', 'authenticated', 'MEMBER') THEN
        GRANT authenticated TO analyst;
    END IF;
    EXECUTE format('GRANT CREATE, CONNECT, TEMPORARY ON DATABASE %I TO annals_owner', current_database());
END
$$;

CREATE SCHEMA IF NOT EXISTS annals;
ALTER SCHEMA annals OWNER TO annals_owner;
REVOKE ALL ON SCHEMA annals FROM PUBLIC;
GRANT USAGE ON SCHEMA annals
    TO annals_appender, annals_relay, annals_auditor, projector, authenticated, anon;
