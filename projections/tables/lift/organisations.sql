-- deleted_at is added (F017). The search index keeps its documented name, spelled with z, and
-- reads this table (F043).

CREATE TABLE lift.organisations (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    name text NOT NULL,
    type text NOT NULL,
    address_line_1 text,
    address_line_2 text,
    city text,
    postcode text,
    country text DEFAULT 'UK',
    phone text,
    email text,
    website text,
    status text NOT NULL DEFAULT 'active',
    subscription_plan text DEFAULT 'essential',
    max_children integer DEFAULT 50,
    max_practitioners integer DEFAULT 5,
    settings jsonb DEFAULT '{}',
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    updated_at timestamp with time zone NOT NULL DEFAULT now(),
    deleted_at timestamp with time zone,
    CONSTRAINT organisations_pkey PRIMARY KEY (id),
    CONSTRAINT organisations_type_check CHECK (type IN (
        'school-primary', 'school-secondary', 'academy-trust', 'clinic-private', 'nhs-trust',
        'hospital', 'charity', 'other'
    )),
    CONSTRAINT organisations_status_check
        CHECK (status IN ('active', 'inactive', 'trial', 'suspended')),
    CONSTRAINT organisations_subscription_plan_check
        CHECK (subscription_plan IN ('essential', 'professional', 'enterprise'))
);
ALTER TABLE lift.organisations OWNER TO annals_owner;

CREATE INDEX idx_organizations_search ON lift.organisations USING gin (to_tsvector('english', name));

COMMENT ON TABLE lift.organisations IS
'Client organisations: schools, trusts, clinics, hospitals, charities. The tenant.

Every other row belongs to one of these and is invisible to the members of all others.';
COMMENT ON COLUMN lift.organisations.id IS 'The organisation. From the event that registered it.';
COMMENT ON COLUMN lift.organisations.name IS 'Name of the organisation, searched in English.';
COMMENT ON COLUMN lift.organisations.type IS
'Kind of organisation, from school-primary to charity or other.';
COMMENT ON COLUMN lift.organisations.address_line_1 IS 'First line of the postal address.';
COMMENT ON COLUMN lift.organisations.address_line_2 IS 'Second line of the postal address.';
COMMENT ON COLUMN lift.organisations.city IS 'Town of the postal address.';
COMMENT ON COLUMN lift.organisations.postcode IS 'Postal code.';
COMMENT ON COLUMN lift.organisations.country IS
'Country of the postal address, as written by whoever registered it.';
COMMENT ON COLUMN lift.organisations.phone IS
'Telephone number of the organisation''s contact.

Personal data: null after erasure.';
COMMENT ON COLUMN lift.organisations.email IS
'Address of the organisation''s contact.

Personal data: null after erasure.';
COMMENT ON COLUMN lift.organisations.website IS 'Address of the organisation''s web site.';
COMMENT ON COLUMN lift.organisations.status IS
'active, inactive, trial or suspended. Set by Account; while inactive or suspended its members issue
no command but exports.';
COMMENT ON COLUMN lift.organisations.subscription_plan IS
'essential, professional or enterprise. Set by Account.';
COMMENT ON COLUMN lift.organisations.max_children IS
'How many unarchived children the organisation may have; null for no limit. Set by Account.';
COMMENT ON COLUMN lift.organisations.max_practitioners IS
'How many active staff and pending invitations it may have; null for no limit. Set by Account.';
COMMENT ON COLUMN lift.organisations.settings IS
'The organisation''s own settings by name. Set by its GroupContact.';
COMMENT ON COLUMN lift.organisations.created_at IS
'When the organisation was registered. Time of its first event.';
COMMENT ON COLUMN lift.organisations.updated_at IS
'When the row last changed. Time of the latest event.';
COMMENT ON COLUMN lift.organisations.deleted_at IS
'When the organisation was archived; null while it is a client.';

ALTER TABLE lift.organisations ENABLE ROW LEVEL SECURITY;
ALTER TABLE lift.organisations FORCE ROW LEVEL SECURITY;

-- policies

-- Active members read their organisation.
CREATE POLICY select_member ON lift.organisations FOR SELECT TO authenticated
    USING (id = (SELECT lift.actor_org_id()) AND deleted_at IS NULL);

-- Account reads every row. Said as a range, so that indexes can answer all of the policies
-- together.
CREATE POLICY select_account ON lift.organisations FOR SELECT TO authenticated
    USING (
        id BETWEEN (SELECT lift.first_for_account())
            AND 'ffffffff-ffff-ffff-ffff-ffffffffffff'
    );

-- Projectors write; the owner's helpers look in.
CREATE POLICY projector_all ON lift.organisations FOR ALL TO projector
    USING (true) WITH CHECK (true);
CREATE POLICY owner_select ON lift.organisations FOR SELECT TO annals_owner
    USING (true);

REVOKE ALL ON lift.organisations FROM PUBLIC, anon, authenticated;
GRANT SELECT ON lift.organisations TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON lift.organisations TO projector;
