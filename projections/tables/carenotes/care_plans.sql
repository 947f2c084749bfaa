CREATE TABLE carenotes.care_plans (
    id uuid NOT NULL,
    resident_id uuid,
    type character varying(50),
    status character varying(50),
    start_date date,
    review_date date,
    details jsonb,
    created_by uuid,
    updated_by uuid,
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now(),
    CONSTRAINT care_plans_pkey PRIMARY KEY (id),
    CONSTRAINT care_plans_resident_id_fkey FOREIGN KEY (resident_id)
        REFERENCES carenotes.residents (id) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT care_plans_created_by_fkey FOREIGN KEY (created_by)
        REFERENCES carenotes.users (id) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT care_plans_updated_by_fkey FOREIGN KEY (updated_by)
        REFERENCES carenotes.users (id) DEFERRABLE INITIALLY DEFERRED
);
ALTER TABLE carenotes.care_plans OWNER TO annals_owner;

CREATE INDEX idx_care_plans_resident ON carenotes.care_plans (resident_id);

COMMENT ON TABLE carenotes.care_plans IS
'Plans of care of a resident.

Drafted, then active, then closed for good.';
COMMENT ON COLUMN carenotes.care_plans.id IS 'The plan. From the event that drafted it.';
COMMENT ON COLUMN carenotes.care_plans.resident_id IS 'Resident it is for.';
COMMENT ON COLUMN carenotes.care_plans.type IS 'What the plan is about.';
COMMENT ON COLUMN carenotes.care_plans.status IS 'draft, active or closed.';
COMMENT ON COLUMN carenotes.care_plans.start_date IS 'First day it applies.';
COMMENT ON COLUMN carenotes.care_plans.review_date IS
'Day it is to be looked at again; not before start_date.';
COMMENT ON COLUMN carenotes.care_plans.details IS
'The plan itself.

Personal data: null after erasure.';
COMMENT ON COLUMN carenotes.care_plans.created_by IS 'Member of staff who drafted it.';
COMMENT ON COLUMN carenotes.care_plans.updated_by IS 'Member of staff who changed it last.';
COMMENT ON COLUMN carenotes.care_plans.created_at IS
'When it was drafted. Time of its first event.';
COMMENT ON COLUMN carenotes.care_plans.updated_at IS
'When it last changed. Time of the latest event.';

ALTER TABLE carenotes.care_plans ENABLE ROW LEVEL SECURITY;
ALTER TABLE carenotes.care_plans FORCE ROW LEVEL SECURITY;

-- policies

-- The organization in force reads the plans of its residents.
CREATE POLICY select_org ON carenotes.care_plans FOR SELECT TO authenticated
    USING (resident_id = ANY ((SELECT carenotes.scope_residents())::uuid[]));

-- Projectors write; the owner's helpers look in.
CREATE POLICY projector_all ON carenotes.care_plans FOR ALL TO projector
    USING (true) WITH CHECK (true);
CREATE POLICY owner_select ON carenotes.care_plans FOR SELECT TO annals_owner
    USING (true);

REVOKE ALL ON carenotes.care_plans FROM PUBLIC, anon, authenticated;
GRANT SELECT ON carenotes.care_plans TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON carenotes.care_plans TO projector;
