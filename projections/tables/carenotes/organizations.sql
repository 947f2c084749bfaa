CREATE TABLE carenotes.organizations (
    id uuid NOT NULL,
    name character varying(255) NOT NULL,
    registration_number character varying(50),
    address jsonb,
    contact_details jsonb,
    settings jsonb,
    subscription_tier character varying(50),
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now(),
    CONSTRAINT organizations_pkey PRIMARY KEY (id)
);
ALTER TABLE carenotes.organizations OWNER TO annals_owner;

COMMENT ON TABLE carenotes.organizations IS
'Care providers. The tenant.

Every other row belongs to one of these and is invisible to all others.';
COMMENT ON COLUMN carenotes.organizations.id IS
'The organization. From the event that registered it.';
COMMENT ON COLUMN carenotes.organizations.name IS 'Name of the provider.';
COMMENT ON COLUMN carenotes.organizations.registration_number IS
'Number under which the provider is registered.';
COMMENT ON COLUMN carenotes.organizations.address IS 'Postal address.';
COMMENT ON COLUMN carenotes.organizations.contact_details IS
'Whom to contact and how.

Personal data: null after erasure.';
COMMENT ON COLUMN carenotes.organizations.settings IS
'The organization''s own settings, by name. Set by its administrator.';
COMMENT ON COLUMN carenotes.organizations.subscription_tier IS
'What the provider subscribes to. Set by the operator.';
COMMENT ON COLUMN carenotes.organizations.created_at IS
'When it was registered. Time of its first event.';
COMMENT ON COLUMN carenotes.organizations.updated_at IS
'When the row last changed. Time of the latest event.';

ALTER TABLE carenotes.organizations ENABLE ROW LEVEL SECURITY;
ALTER TABLE carenotes.organizations FORCE ROW LEVEL SECURITY;

-- policies

-- The organization in force reads its own row.
CREATE POLICY select_org ON carenotes.organizations FOR SELECT TO authenticated
    USING (id = (SELECT carenotes.scope_org_id()));

-- Projectors write; the owner's helpers look in.
CREATE POLICY projector_all ON carenotes.organizations FOR ALL TO projector
    USING (true) WITH CHECK (true);
CREATE POLICY owner_select ON carenotes.organizations FOR SELECT TO annals_owner
    USING (true);

REVOKE ALL ON carenotes.organizations FROM PUBLIC, anon, authenticated;
GRANT SELECT ON carenotes.organizations TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON carenotes.organizations TO projector;
