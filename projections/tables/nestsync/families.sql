-- Residency is a check: a family in Canada has its data in a Canadian region (F132).

CREATE TABLE nestsync.families (
    id uuid NOT NULL,
    name text NOT NULL,
    owner_id uuid NOT NULL,
    country text NOT NULL DEFAULT 'CA',
    data_region text NOT NULL DEFAULT 'ca-central-1',
    timezone text NOT NULL DEFAULT 'America/Toronto',
    status text NOT NULL DEFAULT 'active',
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    updated_at timestamp with time zone NOT NULL DEFAULT now(),
    deleted_at timestamp with time zone,
    CONSTRAINT families_pkey PRIMARY KEY (id),
    CONSTRAINT families_owner_id_fkey FOREIGN KEY (owner_id)
        REFERENCES nestsync.users (id) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT families_status_check CHECK (status IN ('active', 'archived')),
    CONSTRAINT families_residency_check CHECK (country <> 'CA' OR data_region LIKE 'ca-%')
);
ALTER TABLE nestsync.families OWNER TO annals_owner;

CREATE INDEX idx_families_owner ON nestsync.families (owner_id);

COMMENT ON TABLE nestsync.families IS
'Families. The tenant.

Groups people, children and stock, and fixes where their data may lie.';
COMMENT ON COLUMN nestsync.families.id IS 'The family. From the event that founded it.';
COMMENT ON COLUMN nestsync.families.name IS
'Name of the family.

Personal data: ''erased'' after erasure.';
COMMENT ON COLUMN nestsync.families.owner_id IS
'Person who owns the family: exactly one, always an active member with every permission.';
COMMENT ON COLUMN nestsync.families.country IS 'Country of the family, as a two-letter code.';
COMMENT ON COLUMN nestsync.families.data_region IS
'Where the family''s data lies; fixed at founding, and Canadian for a family in Canada.';
COMMENT ON COLUMN nestsync.families.timezone IS
'Time zone by its IANA name; days, weeks and months of the analytics follow it.';
COMMENT ON COLUMN nestsync.families.status IS 'active or archived.';
COMMENT ON COLUMN nestsync.families.created_at IS
'When the family was founded. Time of its first event.';
COMMENT ON COLUMN nestsync.families.updated_at IS
'When the row last changed. Time of the latest event.';
COMMENT ON COLUMN nestsync.families.deleted_at IS
'When the family was archived; null while it is active.';

ALTER TABLE nestsync.families ENABLE ROW LEVEL SECURITY;
ALTER TABLE nestsync.families FORCE ROW LEVEL SECURITY;

-- policies

-- Active members read their family, until it is archived.
CREATE POLICY select_member ON nestsync.families FOR SELECT TO authenticated
    USING (id = ANY ((SELECT nestsync.actor_families())::uuid[]));

-- System administrators read every row. Said as a range, so that indexes can answer all of the
-- policies together.
CREATE POLICY select_sysadmin ON nestsync.families FOR SELECT TO authenticated
    USING (
        id BETWEEN (SELECT nestsync.first_for_sysadmin())
            AND 'ffffffff-ffff-ffff-ffff-ffffffffffff'
    );

-- Projectors write; the owner's helpers look in.
CREATE POLICY projector_all ON nestsync.families FOR ALL TO projector
    USING (true) WITH CHECK (true);
CREATE POLICY owner_select ON nestsync.families FOR SELECT TO annals_owner
    USING (true);

REVOKE ALL ON nestsync.families FROM PUBLIC, anon, authenticated;
GRANT SELECT ON nestsync.families TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON nestsync.families TO projector;
