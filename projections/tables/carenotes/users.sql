-- Held to a null password_hash, so that no credential can get in (F012). The document guards no
-- table but residents (F076).

CREATE TABLE carenotes.users (
    id uuid NOT NULL,
    organization_id uuid,
    email character varying(255) NOT NULL,
    password_hash character varying(255),
    first_name character varying(100),
    last_name character varying(100),
    role character varying(50),
    permissions jsonb,
    settings jsonb,
    last_login timestamp with time zone,
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now(),
    CONSTRAINT users_pkey PRIMARY KEY (id),
    CONSTRAINT users_email_key UNIQUE (email),
    CONSTRAINT users_organization_id_fkey FOREIGN KEY (organization_id)
        REFERENCES carenotes.organizations (id) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT users_password_hash_check CHECK (password_hash IS NULL)
);
ALTER TABLE carenotes.users OWNER TO annals_owner;

-- idx_users_email is the index of the unique constraint on email (F024).

COMMENT ON TABLE carenotes.users IS
'Staff accounts with role and permissions.

Sign-in belongs to the identity provider. A removed person keeps the row, so that authors stay
known.';
COMMENT ON COLUMN carenotes.users.id IS 'The person, as known to the identity provider.';
COMMENT ON COLUMN carenotes.users.organization_id IS 'Organization the person works for.';
COMMENT ON COLUMN carenotes.users.email IS
'Address of the person, lower case, unique over all organizations.

Personal data: a placeholder under .invalid after erasure.';
COMMENT ON COLUMN carenotes.users.password_hash IS
'Always null. Credentials live with the identity provider.';
COMMENT ON COLUMN carenotes.users.first_name IS
'First name.

Personal data: null after erasure.';
COMMENT ON COLUMN carenotes.users.last_name IS
'Last name.

Personal data: null after erasure.';
COMMENT ON COLUMN carenotes.users.role IS
'admin holds every permission, removed none and sees nothing; any other is a name for what
permissions say.';
COMMENT ON COLUMN carenotes.users.permissions IS
'Codes of what the person may do, such as residents.manage.';
COMMENT ON COLUMN carenotes.users.settings IS
'What the person chose in the application, by name.

Personal data: null after erasure.';
COMMENT ON COLUMN carenotes.users.last_login IS 'When the person last signed in.';
COMMENT ON COLUMN carenotes.users.created_at IS
'When the account was made. Time of its first event.';
COMMENT ON COLUMN carenotes.users.updated_at IS
'When the account last changed. Time of the latest event.';

ALTER TABLE carenotes.users ENABLE ROW LEVEL SECURITY;
ALTER TABLE carenotes.users FORCE ROW LEVEL SECURITY;

-- policies

-- The organization in force reads its staff.
CREATE POLICY select_org ON carenotes.users FOR SELECT TO authenticated
    USING (organization_id = (SELECT carenotes.scope_org_id()));

-- Projectors write; the owner's helpers look in.
CREATE POLICY projector_all ON carenotes.users FOR ALL TO projector
    USING (true) WITH CHECK (true);
CREATE POLICY owner_select ON carenotes.users FOR SELECT TO annals_owner
    USING (true);

REVOKE ALL ON carenotes.users FROM PUBLIC, anon, authenticated;
GRANT SELECT ON carenotes.users TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON carenotes.users TO projector;
