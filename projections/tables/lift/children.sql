-- org_id and display_id are used throughout the document and missing from its table (F042);
-- deleted_at is added (F017). The number comes from the organisation's own events, so there is no
-- trigger (F049). Readers have no right to safeguarding_notes, which are not for the child
-- (F045).

CREATE TABLE lift.children (
    id uuid NOT NULL,
    first_name text NOT NULL,
    date_of_birth date,
    year_group text,
    class_name text,
    primary_practitioner_id uuid,
    parent_guardian_name text,
    parent_guardian_email text,
    parent_guardian_phone text,
    consent_given boolean NOT NULL DEFAULT false,
    consent_date timestamp with time zone,
    consent_type text,
    safeguarding_notes text,
    additional_notes text,
    avatar_character text DEFAULT 'default',
    preferences jsonb DEFAULT '{}',
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    updated_at timestamp with time zone NOT NULL DEFAULT now(),
    org_id uuid,
    display_id integer,
    deleted_at timestamp with time zone,
    CONSTRAINT children_pkey PRIMARY KEY (id),
    CONSTRAINT children_org_id_display_id_key UNIQUE (org_id, display_id),
    CONSTRAINT children_id_fkey FOREIGN KEY (id)
        REFERENCES lift.profiles (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT children_primary_practitioner_id_fkey FOREIGN KEY (primary_practitioner_id)
        REFERENCES lift.profiles (id) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT children_org_id_fkey FOREIGN KEY (org_id)
        REFERENCES lift.organisations (id) ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT children_consent_type_check CHECK (consent_type IN ('verbal', 'written', 'digital'))
);
ALTER TABLE lift.children OWNER TO annals_owner;

CREATE INDEX idx_children_org_id ON lift.children (org_id);
CREATE INDEX idx_children_practitioner ON lift.children (primary_practitioner_id);
CREATE INDEX idx_children_search ON lift.children
    USING gin (to_tsvector('english', first_name || ' ' || COALESCE(class_name, '')));

COMMENT ON TABLE lift.children IS
'Children: guardian, consent and safeguarding data beside the profile.

One row per child, with the id of its profile. Readers have no right to safeguarding_notes; staff
read them through children_safeguarding.';
COMMENT ON COLUMN lift.children.id IS 'The child, which is also its profile.';
COMMENT ON COLUMN lift.children.first_name IS
'First name; no other name of the child is kept.

Personal data: ''erased'' after erasure.';
COMMENT ON COLUMN lift.children.date_of_birth IS
'Birthday, if given; the child was 5 to 11 years old when registered.

Personal data: null after erasure.';
COMMENT ON COLUMN lift.children.year_group IS
'School year.

Personal data: null after erasure.';
COMMENT ON COLUMN lift.children.class_name IS
'Class or ward, searched together with the first name.

Personal data: null after erasure.';
COMMENT ON COLUMN lift.children.primary_practitioner_id IS
'Practitioner or GroupContact who looks after the child first of all.';
COMMENT ON COLUMN lift.children.parent_guardian_name IS
'Name of a parent or guardian.

Personal data: null after erasure.';
COMMENT ON COLUMN lift.children.parent_guardian_email IS
'Address of a parent or guardian.

Personal data: null after erasure.';
COMMENT ON COLUMN lift.children.parent_guardian_phone IS
'Telephone number of a parent or guardian.

Personal data: null after erasure.';
COMMENT ON COLUMN lift.children.consent_given IS
'Whether a guardian agreed to check-ins. Without it no session starts.';
COMMENT ON COLUMN lift.children.consent_date IS 'When consent was given; null without consent.';
COMMENT ON COLUMN lift.children.consent_type IS
'How consent was given: verbal, written or digital; null without consent.';
COMMENT ON COLUMN lift.children.safeguarding_notes IS
'Notes for staff about the child''s safety. Withheld from readers of this table.

Personal data: null after erasure.';
COMMENT ON COLUMN lift.children.additional_notes IS
'Other notes of staff. The child may read them.

Personal data: null after erasure.';
COMMENT ON COLUMN lift.children.avatar_character IS
'Figure that stands for the child in the application.

Personal data: null after erasure.';
COMMENT ON COLUMN lift.children.preferences IS
'What the child chose in the application, by name.

Personal data: null after erasure.';
COMMENT ON COLUMN lift.children.created_at IS
'When the child was registered. Time of its first event.';
COMMENT ON COLUMN lift.children.updated_at IS
'When the row last changed. Time of the latest event.';
COMMENT ON COLUMN lift.children.org_id IS
'Organisation of the child; always the same as in its profile.';
COMMENT ON COLUMN lift.children.display_id IS
'Number of the child within its organisation, from 1 upward, given out once and never again.';
COMMENT ON COLUMN lift.children.deleted_at IS
'When the child was archived; null while present. Archived children are left to Account.';

ALTER TABLE lift.children ENABLE ROW LEVEL SECURITY;
ALTER TABLE lift.children FORCE ROW LEVEL SECURITY;

-- policies

-- A child reads its own row.
CREATE POLICY select_own ON lift.children FOR SELECT TO authenticated
    USING (id = (SELECT auth.uid()) AND deleted_at IS NULL);

-- Staff read the children of their organisation: those of lift.child_in_actor_org(id), asked of
-- the row itself.
CREATE POLICY select_staff ON lift.children FOR SELECT TO authenticated
    USING (
        (SELECT lift.actor_role()) IN ('Practitioner', 'GroupContact')
        AND org_id = (SELECT lift.actor_org_id())
        AND deleted_at IS NULL
    );

-- Account reads every row. Said as a range, so that indexes can answer all of the policies
-- together.
CREATE POLICY select_account ON lift.children FOR SELECT TO authenticated
    USING (
        id BETWEEN (SELECT lift.first_for_account())
            AND 'ffffffff-ffff-ffff-ffff-ffffffffffff'
    );

-- Projectors write; the owner's helpers look in.
CREATE POLICY projector_all ON lift.children FOR ALL TO projector
    USING (true) WITH CHECK (true);
CREATE POLICY owner_select ON lift.children FOR SELECT TO annals_owner
    USING (true);

REVOKE ALL ON lift.children FROM PUBLIC, anon, authenticated;
GRANT SELECT (
    id, first_name, date_of_birth, year_group, class_name, primary_practitioner_id,
    parent_guardian_name, parent_guardian_email, parent_guardian_phone, consent_given,
    consent_date, consent_type, additional_notes, avatar_character, preferences, created_at,
    updated_at, org_id, display_id, deleted_at
) ON lift.children TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON lift.children TO projector;
