-- The document names its tables and gives no column; all of them are designed (F127).

CREATE TABLE nestsync.users (
    id uuid NOT NULL,
    email text NOT NULL,
    display_name text NOT NULL,
    phone text,
    locale text NOT NULL DEFAULT 'en-CA',
    timezone text NOT NULL DEFAULT 'America/Toronto',
    is_system_admin boolean NOT NULL DEFAULT false,
    status text NOT NULL DEFAULT 'active',
    last_sign_in_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    updated_at timestamp with time zone NOT NULL DEFAULT now(),
    deleted_at timestamp with time zone,
    CONSTRAINT users_pkey PRIMARY KEY (id),
    CONSTRAINT users_email_key UNIQUE (email),
    CONSTRAINT users_status_check CHECK (status IN ('active', 'deactivated', 'deleted'))
);
ALTER TABLE nestsync.users OWNER TO annals_owner;

COMMENT ON TABLE nestsync.users IS
'Accounts of people, without any credential.

Sign-in belongs to the identity provider; here is what the application knows of a person.';
COMMENT ON COLUMN nestsync.users.id IS 'The person, as known to the identity provider.';
COMMENT ON COLUMN nestsync.users.email IS
'Address of the person, lower case.

Personal data: a placeholder under .invalid after erasure.';
COMMENT ON COLUMN nestsync.users.display_name IS
'Name the person goes by.

Personal data: ''erased'' after erasure.';
COMMENT ON COLUMN nestsync.users.phone IS
'Telephone number, if given.

Personal data: null after erasure.';
COMMENT ON COLUMN nestsync.users.locale IS 'Language and region for texts, such as en-CA.';
COMMENT ON COLUMN nestsync.users.timezone IS 'Time zone by its IANA name.';
COMMENT ON COLUMN nestsync.users.is_system_admin IS
'Whether the person administers the whole system. Granted by another administrator, never by
oneself.';
COMMENT ON COLUMN nestsync.users.status IS
'active, deactivated or deleted. Only active people have rights beyond reading this row.';
COMMENT ON COLUMN nestsync.users.last_sign_in_at IS 'When the person last signed in.';
COMMENT ON COLUMN nestsync.users.created_at IS
'When the account was made. Time of its first event.';
COMMENT ON COLUMN nestsync.users.updated_at IS
'When the account last changed. Time of the latest event.';
COMMENT ON COLUMN nestsync.users.deleted_at IS
'When the account was deleted; null while it is there.';

ALTER TABLE nestsync.users ENABLE ROW LEVEL SECURITY;
ALTER TABLE nestsync.users FORCE ROW LEVEL SECURITY;

-- policies

-- A person reads the own account until it is deleted.
CREATE POLICY select_own ON nestsync.users FOR SELECT TO authenticated
    USING (id = (SELECT auth.uid()) AND deleted_at IS NULL);

-- System administrators read every row. Said as a range, so that indexes can answer all of the
-- policies together.
CREATE POLICY select_sysadmin ON nestsync.users FOR SELECT TO authenticated
    USING (
        id BETWEEN (SELECT nestsync.first_for_sysadmin())
            AND 'ffffffff-ffff-ffff-ffff-ffffffffffff'
    );

-- Projectors write; the owner's helpers look in.
CREATE POLICY projector_all ON nestsync.users FOR ALL TO projector
    USING (true) WITH CHECK (true);
CREATE POLICY owner_select ON nestsync.users FOR SELECT TO annals_owner
    USING (true);

REVOKE ALL ON nestsync.users FROM PUBLIC, anon, authenticated;
GRANT SELECT ON nestsync.users TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON nestsync.users TO projector;
