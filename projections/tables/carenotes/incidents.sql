-- Facility and resident may differ in the document; the facility decides who sees the row (F083).

CREATE TABLE carenotes.incidents (
    id uuid NOT NULL,
    facility_id uuid,
    resident_id uuid,
    type character varying(50),
    date timestamp with time zone,
    details jsonb,
    actions_taken jsonb,
    reported_by uuid,
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now(),
    CONSTRAINT incidents_pkey PRIMARY KEY (id),
    CONSTRAINT incidents_facility_id_fkey FOREIGN KEY (facility_id)
        REFERENCES carenotes.facilities (id) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT incidents_resident_id_fkey FOREIGN KEY (resident_id)
        REFERENCES carenotes.residents (id) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT incidents_reported_by_fkey FOREIGN KEY (reported_by)
        REFERENCES carenotes.users (id) DEFERRABLE INITIALLY DEFERRED
);
ALTER TABLE carenotes.incidents OWNER TO annals_owner;

COMMENT ON TABLE carenotes.incidents IS
'Incidents in a facility, with or without a resident.

Seen under the organization of the facility; without a facility, of the resident.';
COMMENT ON COLUMN carenotes.incidents.id IS 'The incident. From the event that reported it.';
COMMENT ON COLUMN carenotes.incidents.facility_id IS 'Facility it happened in.';
COMMENT ON COLUMN carenotes.incidents.resident_id IS
'Resident concerned, if one is; one who lived in the facility that day.';
COMMENT ON COLUMN carenotes.incidents.type IS 'What kind of incident it was.';
COMMENT ON COLUMN carenotes.incidents.date IS 'When it happened.';
COMMENT ON COLUMN carenotes.incidents.details IS
'What happened.

Personal data: null after erasure.';
COMMENT ON COLUMN carenotes.incidents.actions_taken IS
'What was done about it.

Personal data: null after erasure.';
COMMENT ON COLUMN carenotes.incidents.reported_by IS 'Member of staff who reported it.';
COMMENT ON COLUMN carenotes.incidents.created_at IS
'When it was reported. Time of its first event.';
COMMENT ON COLUMN carenotes.incidents.updated_at IS
'When it last changed. Time of the latest event.';

ALTER TABLE carenotes.incidents ENABLE ROW LEVEL SECURITY;
ALTER TABLE carenotes.incidents FORCE ROW LEVEL SECURITY;

-- policies

-- The organization in force reads the incidents of its facilities and, where none is given, of
-- its residents.
CREATE POLICY select_org ON carenotes.incidents FOR SELECT TO authenticated
    USING (
        facility_id = ANY ((SELECT carenotes.scope_facilities())::uuid[])
        OR (facility_id IS NULL
            AND resident_id = ANY ((SELECT carenotes.scope_residents())::uuid[]))
    );

-- Projectors write; the owner's helpers look in.
CREATE POLICY projector_all ON carenotes.incidents FOR ALL TO projector
    USING (true) WITH CHECK (true);
CREATE POLICY owner_select ON carenotes.incidents FOR SELECT TO annals_owner
    USING (true);

REVOKE ALL ON carenotes.incidents FROM PUBLIC, anon, authenticated;
GRANT SELECT ON carenotes.incidents TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON carenotes.incidents TO projector;
