CREATE TABLE carenotes.assessments (
    id uuid NOT NULL,
    resident_id uuid,
    type character varying(50),
    date date,
    findings jsonb,
    recommendations jsonb,
    created_by uuid,
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now(),
    CONSTRAINT assessments_pkey PRIMARY KEY (id),
    CONSTRAINT assessments_resident_id_fkey FOREIGN KEY (resident_id)
        REFERENCES carenotes.residents (id) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT assessments_created_by_fkey FOREIGN KEY (created_by)
        REFERENCES carenotes.users (id) DEFERRABLE INITIALLY DEFERRED
);
ALTER TABLE carenotes.assessments OWNER TO annals_owner;

COMMENT ON TABLE carenotes.assessments IS
'Assessments of a resident.

Dated within the resident''s stay.';
COMMENT ON COLUMN carenotes.assessments.id IS 'The assessment. From the event that recorded it.';
COMMENT ON COLUMN carenotes.assessments.resident_id IS 'Resident assessed.';
COMMENT ON COLUMN carenotes.assessments.type IS 'What was assessed.';
COMMENT ON COLUMN carenotes.assessments.date IS 'Day of the assessment.';
COMMENT ON COLUMN carenotes.assessments.findings IS
'What was found.

Personal data: null after erasure.';
COMMENT ON COLUMN carenotes.assessments.recommendations IS
'What should follow.

Personal data: null after erasure.';
COMMENT ON COLUMN carenotes.assessments.created_by IS 'Member of staff who recorded it.';
COMMENT ON COLUMN carenotes.assessments.created_at IS
'When it was recorded. Time of its first event.';
COMMENT ON COLUMN carenotes.assessments.updated_at IS
'When it was last amended. Time of the latest event.';

ALTER TABLE carenotes.assessments ENABLE ROW LEVEL SECURITY;
ALTER TABLE carenotes.assessments FORCE ROW LEVEL SECURITY;

-- policies

-- The organization in force reads the assessments of its residents.
CREATE POLICY select_org ON carenotes.assessments FOR SELECT TO authenticated
    USING (resident_id = ANY ((SELECT carenotes.scope_residents())::uuid[]));

-- Projectors write; the owner's helpers look in.
CREATE POLICY projector_all ON carenotes.assessments FOR ALL TO projector
    USING (true) WITH CHECK (true);
CREATE POLICY owner_select ON carenotes.assessments FOR SELECT TO annals_owner
    USING (true);

REVOKE ALL ON carenotes.assessments FROM PUBLIC, anon, authenticated;
GRANT SELECT ON carenotes.assessments TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON carenotes.assessments TO projector;
