-- The id is the identity provider's (F120). password_hash is documented as NOT NULL; it is held
-- to '!' so that no credential can get in (F012). deleted_at hides a row from its owner (F007).

CREATE TABLE samia.users (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    email character varying(255) NOT NULL,
    password_hash character varying(255) NOT NULL,
    full_name character varying(255) NOT NULL,
    role character varying(50) DEFAULT 'client',
    is_active boolean DEFAULT true,
    email_verified boolean DEFAULT false,
    phone_number character varying(20),
    date_of_birth date,
    timezone character varying(50) DEFAULT 'UTC',
    profile_image_url text,
    bio text,
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now(),
    last_login timestamp with time zone,
    login_count integer DEFAULT 0,
    metadata jsonb DEFAULT '{}',
    preferences jsonb DEFAULT '{}',
    deleted_at timestamp with time zone,
    CONSTRAINT users_pkey PRIMARY KEY (id),
    CONSTRAINT users_email_key UNIQUE (email),
    CONSTRAINT users_role_check
        CHECK (role IN ('client', 'reader', 'admin', 'monitor', 'super_admin')),
    CONSTRAINT users_password_hash_check CHECK (password_hash = '!'),
    CONSTRAINT users_email_format
        CHECK (email ~* '^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}$')
);
ALTER TABLE samia.users OWNER TO annals_owner;

-- idx_users_email is the index of the unique constraint on email (F024).
CREATE INDEX idx_users_role ON samia.users (role);
CREATE INDEX idx_users_active ON samia.users (is_active);
CREATE INDEX idx_users_created_at ON samia.users (created_at);
CREATE INDEX idx_users_active_email ON samia.users (email)
    WHERE is_active = true;
CREATE INDEX idx_users_metadata ON samia.users USING gin (metadata);

COMMENT ON TABLE samia.users IS
'Accounts with role and state.

Sign-in belongs to the identity provider; no credential is kept here.';
COMMENT ON COLUMN samia.users.id IS 'The person, as known to the identity provider.';
COMMENT ON COLUMN samia.users.email IS
'Address of the person, lower case, unique until erased.

Personal data: a placeholder under .invalid after erasure.';
COMMENT ON COLUMN samia.users.password_hash IS
'Always ''!''. Credentials live with the identity provider.';
COMMENT ON COLUMN samia.users.full_name IS
'Name of the person.

Personal data: ''erased'' after erasure.';
COMMENT ON COLUMN samia.users.role IS
'client, reader, admin, monitor or super_admin. Set by a super_admin.';
COMMENT ON COLUMN samia.users.is_active IS
'Whether the account is in use. Without it there are no rights beyond reading this row.';
COMMENT ON COLUMN samia.users.email_verified IS 'Whether the person proved to have the address.';
COMMENT ON COLUMN samia.users.phone_number IS
'Telephone number, if given.

Personal data: null after erasure.';
COMMENT ON COLUMN samia.users.date_of_birth IS
'Birthday, if given.

Personal data: null after erasure.';
COMMENT ON COLUMN samia.users.timezone IS
'Time zone by its IANA name.

Personal data: null after erasure.';
COMMENT ON COLUMN samia.users.profile_image_url IS
'Address of a picture the person chose.

Personal data: null after erasure.';
COMMENT ON COLUMN samia.users.bio IS
'What the person says about themselves.

Personal data: null after erasure.';
COMMENT ON COLUMN samia.users.created_at IS 'When the account was made. Time of its first event.';
COMMENT ON COLUMN samia.users.updated_at IS
'When the account last changed. Time of the latest event.';
COMMENT ON COLUMN samia.users.last_login IS 'When the person last signed in.';
COMMENT ON COLUMN samia.users.login_count IS 'How often the person signed in.';
COMMENT ON COLUMN samia.users.metadata IS
'Remarks of admins about the account, by name.

Personal data: null after erasure.';
COMMENT ON COLUMN samia.users.preferences IS
'What the person chose in the application, by name.

Personal data: null after erasure.';
COMMENT ON COLUMN samia.users.deleted_at IS
'When the account was deleted; null while it is there. Deleted rows are left to admins.';

ALTER TABLE samia.users ENABLE ROW LEVEL SECURITY;
ALTER TABLE samia.users FORCE ROW LEVEL SECURITY;

-- policies

-- A user reads the own account until it is deleted.
CREATE POLICY select_own ON samia.users FOR SELECT TO authenticated
    USING (id = (SELECT auth.uid()) AND deleted_at IS NULL);

-- Admins read every account, deleted ones too. Said as a range, so that indexes can answer all of
-- the policies together.
CREATE POLICY select_admin ON samia.users FOR SELECT TO authenticated
    USING (
        id BETWEEN (SELECT samia.first_for_admin())
            AND 'ffffffff-ffff-ffff-ffff-ffffffffffff'
    );

-- Projectors write; the owner's helpers look in.
CREATE POLICY projector_all ON samia.users FOR ALL TO projector
    USING (true) WITH CHECK (true);
CREATE POLICY owner_select ON samia.users FOR SELECT TO annals_owner
    USING (true);

REVOKE ALL ON samia.users FROM PUBLIC, anon, authenticated;
GRANT SELECT ON samia.users TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON samia.users TO projector;
