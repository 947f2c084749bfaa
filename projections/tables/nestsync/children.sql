CREATE TABLE nestsync.children (
    id uuid NOT NULL,
    family_id uuid NOT NULL,
    first_name text NOT NULL,
    last_name text,
    date_of_birth date,
    clothing_size text,
    shoe_size text,
    notes text,
    created_by uuid NOT NULL,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    updated_at timestamp with time zone NOT NULL DEFAULT now(),
    deleted_at timestamp with time zone,
    CONSTRAINT children_pkey PRIMARY KEY (id),
    CONSTRAINT children_family_id_fkey FOREIGN KEY (family_id)
        REFERENCES nestsync.families (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT children_created_by_fkey FOREIGN KEY (created_by)
        REFERENCES nestsync.users (id) DEFERRABLE INITIALLY DEFERRED
);
ALTER TABLE nestsync.children OWNER TO annals_owner;

CREATE INDEX idx_children_family ON nestsync.children (family_id);
CREATE INDEX idx_children_created_by ON nestsync.children (created_by);

COMMENT ON TABLE nestsync.children IS
'Children of a family.

Kept so that stock can be matched to sizes and ages.';
COMMENT ON COLUMN nestsync.children.id IS 'The child. From the event that added it.';
COMMENT ON COLUMN nestsync.children.family_id IS 'Family of the child.';
COMMENT ON COLUMN nestsync.children.first_name IS
'First name.

Personal data: ''erased'' after erasure.';
COMMENT ON COLUMN nestsync.children.last_name IS
'Last name, if given.

Personal data: null after erasure.';
COMMENT ON COLUMN nestsync.children.date_of_birth IS
'Birthday, if given.

Personal data: null after erasure.';
COMMENT ON COLUMN nestsync.children.clothing_size IS
'Size of clothes at present.

Personal data: null after erasure.';
COMMENT ON COLUMN nestsync.children.shoe_size IS
'Size of shoes at present.

Personal data: null after erasure.';
COMMENT ON COLUMN nestsync.children.notes IS
'What else the family wants to remember.

Personal data: null after erasure.';
COMMENT ON COLUMN nestsync.children.created_by IS 'Member who added the child.';
COMMENT ON COLUMN nestsync.children.created_at IS
'When the child was added. Time of its first event.';
COMMENT ON COLUMN nestsync.children.updated_at IS
'When the row last changed. Time of the latest event.';
COMMENT ON COLUMN nestsync.children.deleted_at IS 'When the child was removed; null while present.';

ALTER TABLE nestsync.children ENABLE ROW LEVEL SECURITY;
ALTER TABLE nestsync.children FORCE ROW LEVEL SECURITY;

-- policies

-- Members with children.read read the family's children, but for removed ones.
CREATE POLICY select_member ON nestsync.children FOR SELECT TO authenticated
    USING (
        family_id = ANY ((SELECT nestsync.families_where_actor_may('children.read'))::uuid[])
        AND deleted_at IS NULL
    );

-- System administrators read every row. Said as a range, so that indexes can answer all of the
-- policies together.
CREATE POLICY select_sysadmin ON nestsync.children FOR SELECT TO authenticated
    USING (
        family_id BETWEEN (SELECT nestsync.first_for_sysadmin())
            AND 'ffffffff-ffff-ffff-ffff-ffffffffffff'
    );

-- Projectors write; the owner's helpers look in.
CREATE POLICY projector_all ON nestsync.children FOR ALL TO projector
    USING (true) WITH CHECK (true);
CREATE POLICY owner_select ON nestsync.children FOR SELECT TO annals_owner
    USING (true);

REVOKE ALL ON nestsync.children FROM PUBLIC, anon, authenticated;
GRANT SELECT ON nestsync.children TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON nestsync.children TO projector;
