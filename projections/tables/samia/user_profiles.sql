-- One profile per user is said in the document and held here (F092). What a comment listed as
-- values is a check (F113).

CREATE TABLE samia.user_profiles (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    user_id uuid,
    profile_type character varying(50) NOT NULL,
    specializations text[],
    experience_years integer,
    reading_rate numeric(10,2),
    availability_schedule jsonb,
    certifications text[],
    languages text[] DEFAULT ARRAY['en'],
    birth_chart_data jsonb,
    preferred_readers uuid[],
    reading_history_count integer DEFAULT 0,
    admin_permissions text[],
    department character varying(100),
    social_links jsonb DEFAULT '{}',
    notification_preferences jsonb DEFAULT '{}',
    privacy_settings jsonb DEFAULT '{}',
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now(),
    CONSTRAINT user_profiles_pkey PRIMARY KEY (id),
    CONSTRAINT user_profiles_user_id_key UNIQUE (user_id),
    CONSTRAINT user_profiles_user_id_fkey FOREIGN KEY (user_id)
        REFERENCES samia.users (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT user_profiles_profile_type_check
        CHECK (profile_type IN ('client', 'reader', 'admin'))
);
ALTER TABLE samia.user_profiles OWNER TO annals_owner;

-- idx_user_profiles_user_id is the index of the unique constraint on user_id (F024).
CREATE INDEX idx_user_profiles_type ON samia.user_profiles (profile_type);
CREATE INDEX idx_user_profiles_preferences ON samia.user_profiles
    USING gin (notification_preferences);

COMMENT ON TABLE samia.user_profiles IS
'What a user shows and prefers beyond the account.

One row per user; which columns are used follows profile_type.';
COMMENT ON COLUMN samia.user_profiles.id IS 'The profile. From the event that made it.';
COMMENT ON COLUMN samia.user_profiles.user_id IS 'Person it belongs to.';
COMMENT ON COLUMN samia.user_profiles.profile_type IS
'client, reader or admin; follows the role of the account.';
COMMENT ON COLUMN samia.user_profiles.specializations IS 'Fields a reader is good at.';
COMMENT ON COLUMN samia.user_profiles.experience_years IS 'Years a reader has been reading.';
COMMENT ON COLUMN samia.user_profiles.reading_rate IS
'Price of a reader''s reading, in the currency of the wallet.';
COMMENT ON COLUMN samia.user_profiles.availability_schedule IS
'When a reader can be asked.

Personal data: gone with its row after erasure.';
COMMENT ON COLUMN samia.user_profiles.certifications IS
'Certificates a reader holds.

Personal data: gone with its row after erasure.';
COMMENT ON COLUMN samia.user_profiles.languages IS
'Languages spoken, as two-letter codes.

Personal data: gone with its row after erasure.';
COMMENT ON COLUMN samia.user_profiles.birth_chart_data IS
'Data of a client''s birth chart.

Personal data: gone with its row after erasure.';
COMMENT ON COLUMN samia.user_profiles.preferred_readers IS
'Readers a client likes best.

Personal data: gone with its row after erasure.';
COMMENT ON COLUMN samia.user_profiles.reading_history_count IS
'Number of readings completed for a client.';
COMMENT ON COLUMN samia.user_profiles.admin_permissions IS
'What an admin may do. Given by a super_admin, never to oneself.';
COMMENT ON COLUMN samia.user_profiles.department IS 'Department of an admin.';
COMMENT ON COLUMN samia.user_profiles.social_links IS
'Addresses elsewhere, by site.

Personal data: gone with its row after erasure.';
COMMENT ON COLUMN samia.user_profiles.notification_preferences IS
'Which notifications the person wants, by name.

Personal data: gone with its row after erasure.';
COMMENT ON COLUMN samia.user_profiles.privacy_settings IS
'What the person shows to whom, by name.

Personal data: gone with its row after erasure.';
COMMENT ON COLUMN samia.user_profiles.created_at IS
'When the profile was made. Time of its first event.';
COMMENT ON COLUMN samia.user_profiles.updated_at IS
'When the profile last changed. Time of the latest event.';

ALTER TABLE samia.user_profiles ENABLE ROW LEVEL SECURITY;
ALTER TABLE samia.user_profiles FORCE ROW LEVEL SECURITY;

-- policies

-- A user reads what is the own.
CREATE POLICY select_own ON samia.user_profiles FOR SELECT TO authenticated
    USING (user_id = (SELECT auth.uid()));

-- Admins read every row. Said as a range, so that indexes can answer all of the policies
-- together.
CREATE POLICY select_admin ON samia.user_profiles FOR SELECT TO authenticated
    USING (
        id BETWEEN (SELECT samia.first_for_admin())
            AND 'ffffffff-ffff-ffff-ffff-ffffffffffff'
    );

-- Projectors write; the owner's helpers look in.
CREATE POLICY projector_all ON samia.user_profiles FOR ALL TO projector
    USING (true) WITH CHECK (true);
CREATE POLICY owner_select ON samia.user_profiles FOR SELECT TO annals_owner
    USING (true);

REVOKE ALL ON samia.user_profiles FROM PUBLIC, anon, authenticated;
GRANT SELECT ON samia.user_profiles TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON samia.user_profiles TO projector;
