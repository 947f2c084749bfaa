CREATE TABLE nestsync.emergency_profiles (
    id uuid NOT NULL,
    family_id uuid NOT NULL,
    child_id uuid NOT NULL,
    contacts jsonb NOT NULL DEFAULT '[]',
    allergies text[] NOT NULL DEFAULT '{}',
    medical_conditions text[] NOT NULL DEFAULT '{}',
    medications text[] NOT NULL DEFAULT '{}',
    physician_name text,
    physician_phone text,
    instructions text,
    updated_by uuid NOT NULL,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    updated_at timestamp with time zone NOT NULL DEFAULT now(),
    CONSTRAINT emergency_profiles_pkey PRIMARY KEY (id),
    CONSTRAINT emergency_profiles_child_id_key UNIQUE (child_id),
    CONSTRAINT emergency_profiles_family_id_fkey FOREIGN KEY (family_id)
        REFERENCES nestsync.families (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT emergency_profiles_child_id_fkey FOREIGN KEY (child_id)
        REFERENCES nestsync.children (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT emergency_profiles_updated_by_fkey FOREIGN KEY (updated_by)
        REFERENCES nestsync.users (id) DEFERRABLE INITIALLY DEFERRED
);
ALTER TABLE nestsync.emergency_profiles OWNER TO annals_owner;

CREATE INDEX idx_emergency_profiles_family ON nestsync.emergency_profiles (family_id);
CREATE INDEX idx_emergency_profiles_updated_by ON nestsync.emergency_profiles (updated_by);

COMMENT ON TABLE nestsync.emergency_profiles IS
'Whom to call and what to know about a child in an emergency.

One row per child, with at least one contact.';
COMMENT ON COLUMN nestsync.emergency_profiles.id IS
'The emergency profile. From the event that made it.';
COMMENT ON COLUMN nestsync.emergency_profiles.family_id IS 'Family of the child.';
COMMENT ON COLUMN nestsync.emergency_profiles.child_id IS 'Child it is about.';
COMMENT ON COLUMN nestsync.emergency_profiles.contacts IS
'People to call, in order, each with name and telephone number.

Personal data: gone with its row after erasure.';
COMMENT ON COLUMN nestsync.emergency_profiles.allergies IS
'Known allergies.

Personal data: gone with its row after erasure.';
COMMENT ON COLUMN nestsync.emergency_profiles.medical_conditions IS
'Known conditions.

Personal data: gone with its row after erasure.';
COMMENT ON COLUMN nestsync.emergency_profiles.medications IS
'Medicines the child takes.

Personal data: gone with its row after erasure.';
COMMENT ON COLUMN nestsync.emergency_profiles.physician_name IS
'Name of the child''s doctor.

Personal data: gone with its row after erasure.';
COMMENT ON COLUMN nestsync.emergency_profiles.physician_phone IS
'Telephone number of the child''s doctor.

Personal data: gone with its row after erasure.';
COMMENT ON COLUMN nestsync.emergency_profiles.instructions IS
'What to do in an emergency.

Personal data: gone with its row after erasure.';
COMMENT ON COLUMN nestsync.emergency_profiles.updated_by IS 'Member who changed it last.';
COMMENT ON COLUMN nestsync.emergency_profiles.created_at IS
'When it was made. Time of its first event.';
COMMENT ON COLUMN nestsync.emergency_profiles.updated_at IS
'When the row last changed. Time of the latest event.';

ALTER TABLE nestsync.emergency_profiles ENABLE ROW LEVEL SECURITY;
ALTER TABLE nestsync.emergency_profiles FORCE ROW LEVEL SECURITY;

-- policies

-- Members with emergency.read read emergency profiles.
CREATE POLICY select_member ON nestsync.emergency_profiles FOR SELECT TO authenticated
    USING (family_id = ANY ((SELECT nestsync.families_where_actor_may('emergency.read'))::uuid[]));

-- System administrators read every row. Said as a range, so that indexes can answer all of the
-- policies together.
CREATE POLICY select_sysadmin ON nestsync.emergency_profiles FOR SELECT TO authenticated
    USING (
        family_id BETWEEN (SELECT nestsync.first_for_sysadmin())
            AND 'ffffffff-ffff-ffff-ffff-ffffffffffff'
    );

-- Projectors write; the owner's helpers look in.
CREATE POLICY projector_all ON nestsync.emergency_profiles FOR ALL TO projector
    USING (true) WITH CHECK (true);
CREATE POLICY owner_select ON nestsync.emergency_profiles FOR SELECT TO annals_owner
    USING (true);

REVOKE ALL ON nestsync.emergency_profiles FROM PUBLIC, anon, authenticated;
GRANT SELECT ON nestsync.emergency_profiles TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON nestsync.emergency_profiles TO projector;
