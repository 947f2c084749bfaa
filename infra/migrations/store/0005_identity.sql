-- Who a database session speaks for. Settings can be set by any session, so they are believed only
-- from logins that are trusted to set them; every other login is the one person the map names (F009).
SET LOCAL ROLE annals_owner;
CREATE TABLE annals.claim_setters (
    login name PRIMARY KEY
);
COMMENT ON TABLE annals.claim_setters IS 'Logins that set request.jwt.claims from a verified token: the query service, PostgREST''s authenticator.';
CREATE TABLE annals.login_subjects (
    login   name PRIMARY KEY,
    subject uuid NOT NULL
);
COMMENT ON TABLE annals.login_subjects IS 'Analysts'' own logins and the person each of them is.';

CREATE FUNCTION annals.subject() RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = ''
BEGIN ATOMIC
    SELECT CASE
        WHEN EXISTS (SELECT FROM annals.claim_setters AS trusted WHERE trusted.login = session_user) THEN
            coalesce(
                nullif(nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub', '')::uuid,
                nullif(current_setting('request.jwt.claim.sub', true), '')::uuid)
        ELSE (SELECT known.subject FROM annals.login_subjects AS known WHERE known.login = session_user)
    END;
END;
COMMENT ON FUNCTION annals.subject IS 'The person this session speaks for; null for nobody.';
REVOKE ALL ON FUNCTION annals.subject FROM PUBLIC;
GRANT EXECUTE ON FUNCTION annals.subject TO authenticated, anon, annals_owner, service_role;

-- Where Supabase has its own auth schema, nothing in it is touched (shared.auth.schema).
DO $$
BEGIN
    IF to_regnamespace('auth') IS NULL THEN
        CREATE SCHEMA auth;
        CREATE TABLE auth.users (
            id         uuid PRIMARY KEY,
            email      text,
            created_at timestamptz
        );
        COMMENT ON TABLE auth.users IS 'Accounts known to the identity provider. No reader may read it.';
        ALTER TABLE auth.users ENABLE ROW LEVEL SECURITY;
        ALTER TABLE auth.users FORCE ROW LEVEL SECURITY;
        CREATE POLICY projector_all ON auth.users TO projector USING (true) WITH CHECK (true);
        CREATE POLICY owner_select ON auth.users FOR SELECT TO annals_owner USING (true);
        GRANT USAGE ON SCHEMA auth TO authenticated, anon, service_role, projector;
        GRANT SELECT, INSERT, UPDATE, DELETE ON auth.users TO projector;

        CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE SET search_path = ''
        BEGIN ATOMIC
            SELECT annals.subject();
        END;
        COMMENT ON FUNCTION auth.uid IS 'The signed-in person''s id; null for nobody (shared.auth.uid).';
        GRANT EXECUTE ON FUNCTION auth.uid TO authenticated, anon, service_role;
    END IF;
END
$$;
RESET ROLE;

-- Whoever migrates may set claims: it could do anything already.
INSERT INTO annals.claim_setters (login) VALUES (session_user), ('authenticator')
ON CONFLICT DO NOTHING;
