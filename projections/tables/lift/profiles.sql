-- The document has no way to mark a person removed; deleted_at is added (F017). Its policies look
-- people up in this very table and never end (F001): here they ask helpers.

CREATE TABLE lift.profiles (
    id uuid NOT NULL,
    email text NOT NULL,
    name text NOT NULL,
    role text NOT NULL,
    org_id uuid,
    status text NOT NULL DEFAULT 'active',
    avatar_url text,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    updated_at timestamp with time zone NOT NULL DEFAULT now(),
    deleted_at timestamp with time zone,
    CONSTRAINT profiles_pkey PRIMARY KEY (id),
    CONSTRAINT profiles_id_fkey FOREIGN KEY (id)
        REFERENCES auth.users (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT profiles_org_id_fkey FOREIGN KEY (org_id)
        REFERENCES lift.organisations (id) ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT profiles_role_check
        CHECK (role IN ('Account', 'GroupContact', 'Practitioner', 'Child')),
    CONSTRAINT profiles_status_check
        CHECK (status IN ('active', 'inactive', 'pending', 'suspended'))
);
ALTER TABLE lift.profiles OWNER TO annals_owner;

CREATE INDEX idx_profiles_org_id ON lift.profiles (org_id);
CREATE INDEX idx_profiles_role ON lift.profiles (role);

COMMENT ON TABLE lift.profiles IS
'People known to the platform, with the role that decides what each may see and do.

One row per person: platform staff, organisation staff and children alike.';
COMMENT ON COLUMN lift.profiles.id IS
'The person, as in auth.users; for a child also the id of its row in children.';
COMMENT ON COLUMN lift.profiles.email IS
'Address to sign in and be written to, lower case. A child has a placeholder under .invalid, made
from its id.

Personal data: a placeholder under .invalid after erasure.';
COMMENT ON COLUMN lift.profiles.name IS
'Name shown to others. For a child its first name and no more.

Personal data: ''erased'' after erasure.';
COMMENT ON COLUMN lift.profiles.role IS
'Account (platform), GroupContact (administrator of an organisation), Practitioner or Child.';
COMMENT ON COLUMN lift.profiles.org_id IS
'Organisation the person belongs to; null for Account. Always the same as in children.';
COMMENT ON COLUMN lift.profiles.status IS
'active, inactive, pending or suspended. Only active people have rights beyond reading this row.';
COMMENT ON COLUMN lift.profiles.avatar_url IS
'Address of a picture the person chose.

Personal data: null after erasure.';
COMMENT ON COLUMN lift.profiles.created_at IS 'When the profile was made. Time of its first event.';
COMMENT ON COLUMN lift.profiles.updated_at IS
'When the profile last changed. Time of the latest event.';
COMMENT ON COLUMN lift.profiles.deleted_at IS
'When the person was removed or archived; null while present. Removed rows are left to Account.';

ALTER TABLE lift.profiles ENABLE ROW LEVEL SECURITY;
ALTER TABLE lift.profiles FORCE ROW LEVEL SECURITY;

-- policies

-- Everyone reads the own profile, whatever its status.
CREATE POLICY select_own ON lift.profiles FOR SELECT TO authenticated
    USING (id = (SELECT auth.uid()) AND deleted_at IS NULL);

-- A GroupContact reads the people of the own organisation.
CREATE POLICY select_group_contact ON lift.profiles FOR SELECT TO authenticated
    USING (
        (SELECT lift.actor_role()) = 'GroupContact'
        AND org_id = (SELECT lift.actor_org_id())
        AND deleted_at IS NULL
    );

-- Account reads every row. Said as a range, so that indexes can answer all of the policies
-- together.
CREATE POLICY select_account ON lift.profiles FOR SELECT TO authenticated
    USING (
        id BETWEEN (SELECT lift.first_for_account())
            AND 'ffffffff-ffff-ffff-ffff-ffffffffffff'
    );

-- Projectors write; the owner's helpers look in.
CREATE POLICY projector_all ON lift.profiles FOR ALL TO projector
    USING (true) WITH CHECK (true);
CREATE POLICY owner_select ON lift.profiles FOR SELECT TO annals_owner
    USING (true);

REVOKE ALL ON lift.profiles FROM PUBLIC, anon, authenticated;
GRANT SELECT ON lift.profiles TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON lift.profiles TO projector;
