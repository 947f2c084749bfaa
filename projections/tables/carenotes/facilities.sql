CREATE TABLE carenotes.facilities (
    id uuid NOT NULL,
    organization_id uuid,
    name character varying(255) NOT NULL,
    type character varying(50),
    capacity integer,
    address jsonb,
    contact_details jsonb,
    registration_details jsonb,
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now(),
    CONSTRAINT facilities_pkey PRIMARY KEY (id),
    CONSTRAINT facilities_organization_id_fkey FOREIGN KEY (organization_id)
        REFERENCES carenotes.organizations (id) DEFERRABLE INITIALLY DEFERRED
);
ALTER TABLE carenotes.facilities OWNER TO annals_owner;

COMMENT ON TABLE carenotes.facilities IS
'Homes and other places of care.

Residents live in them; audits and incidents are about them.';
COMMENT ON COLUMN carenotes.facilities.id IS 'The facility. From the event that opened it.';
COMMENT ON COLUMN carenotes.facilities.organization_id IS 'Organization that runs it.';
COMMENT ON COLUMN carenotes.facilities.name IS 'Name of the facility.';
COMMENT ON COLUMN carenotes.facilities.type IS 'Kind of care given there.';
COMMENT ON COLUMN carenotes.facilities.capacity IS
'How many residents it has room for; null for no limit.';
COMMENT ON COLUMN carenotes.facilities.address IS 'Postal address.';
COMMENT ON COLUMN carenotes.facilities.contact_details IS
'Whom to contact and how.

Personal data: null after erasure.';
COMMENT ON COLUMN carenotes.facilities.registration_details IS
'Under what and where the facility is registered.';
COMMENT ON COLUMN carenotes.facilities.created_at IS 'When it was opened. Time of its first event.';
COMMENT ON COLUMN carenotes.facilities.updated_at IS
'When the row last changed. Time of the latest event.';

ALTER TABLE carenotes.facilities ENABLE ROW LEVEL SECURITY;
ALTER TABLE carenotes.facilities FORCE ROW LEVEL SECURITY;

-- policies

-- The organization in force reads its facilities.
CREATE POLICY select_org ON carenotes.facilities FOR SELECT TO authenticated
    USING (organization_id = (SELECT carenotes.scope_org_id()));

-- Projectors write; the owner's helpers look in.
CREATE POLICY projector_all ON carenotes.facilities FOR ALL TO projector
    USING (true) WITH CHECK (true);
CREATE POLICY owner_select ON carenotes.facilities FOR SELECT TO annals_owner
    USING (true);

REVOKE ALL ON carenotes.facilities FROM PUBLIC, anon, authenticated;
GRANT SELECT ON carenotes.facilities TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON carenotes.facilities TO projector;
