CREATE TABLE carenotes.audits (
    id uuid NOT NULL,
    facility_id uuid,
    type character varying(50),
    date date,
    auditor uuid,
    findings jsonb,
    score numeric,
    action_plan jsonb,
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now(),
    CONSTRAINT audits_pkey PRIMARY KEY (id),
    CONSTRAINT audits_facility_id_fkey FOREIGN KEY (facility_id)
        REFERENCES carenotes.facilities (id) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT audits_auditor_fkey FOREIGN KEY (auditor)
        REFERENCES carenotes.users (id) DEFERRABLE INITIALLY DEFERRED
);
ALTER TABLE carenotes.audits OWNER TO annals_owner;

CREATE INDEX idx_audits_facility_date ON carenotes.audits (facility_id, date);

COMMENT ON TABLE carenotes.audits IS
'Quality audits of a facility.

With findings, score and plan of action.';
COMMENT ON COLUMN carenotes.audits.id IS 'The audit. From the event that recorded it.';
COMMENT ON COLUMN carenotes.audits.facility_id IS 'Facility audited.';
COMMENT ON COLUMN carenotes.audits.type IS 'What was audited.';
COMMENT ON COLUMN carenotes.audits.date IS 'Day of the audit.';
COMMENT ON COLUMN carenotes.audits.auditor IS 'Member of staff who conducted it.';
COMMENT ON COLUMN carenotes.audits.findings IS 'What was found.';
COMMENT ON COLUMN carenotes.audits.score IS 'Points given; zero or more.';
COMMENT ON COLUMN carenotes.audits.action_plan IS 'What is to be done about it.';
COMMENT ON COLUMN carenotes.audits.created_at IS 'When it was recorded. Time of its first event.';
COMMENT ON COLUMN carenotes.audits.updated_at IS 'When it last changed. Time of the latest event.';

ALTER TABLE carenotes.audits ENABLE ROW LEVEL SECURITY;
ALTER TABLE carenotes.audits FORCE ROW LEVEL SECURITY;

-- policies

-- The organization in force reads the audits of its facilities.
CREATE POLICY select_org ON carenotes.audits FOR SELECT TO authenticated
    USING (facility_id = ANY ((SELECT carenotes.scope_facilities())::uuid[]));

-- Projectors write; the owner's helpers look in.
CREATE POLICY projector_all ON carenotes.audits FOR ALL TO projector
    USING (true) WITH CHECK (true);
CREATE POLICY owner_select ON carenotes.audits FOR SELECT TO annals_owner
    USING (true);

REVOKE ALL ON carenotes.audits FROM PUBLIC, anon, authenticated;
GRANT SELECT ON carenotes.audits TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON carenotes.audits TO projector;
