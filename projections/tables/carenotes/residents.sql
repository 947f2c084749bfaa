-- The document's policy fails without app.current_org_id, and believes whatever a session sets
-- (F077, F078); scope_org_id() does neither.

CREATE TABLE carenotes.residents (
    id uuid NOT NULL,
    facility_id uuid,
    first_name character varying(100),
    last_name character varying(100),
    date_of_birth date,
    nhs_number character varying(50),
    room_number character varying(50),
    admission_date date,
    discharge_date date,
    status character varying(50),
    medical_details jsonb,
    contact_details jsonb,
    preferences jsonb,
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now(),
    encrypted_medical_notes bytea,
    CONSTRAINT residents_pkey PRIMARY KEY (id),
    CONSTRAINT residents_facility_id_fkey FOREIGN KEY (facility_id)
        REFERENCES carenotes.facilities (id) DEFERRABLE INITIALLY DEFERRED
);
ALTER TABLE carenotes.residents OWNER TO annals_owner;

CREATE INDEX idx_residents_facility ON carenotes.residents (facility_id);
CREATE INDEX idx_residents_name ON carenotes.residents (first_name, last_name);
CREATE INDEX idx_residents_nhs ON carenotes.residents (nhs_number);

COMMENT ON TABLE carenotes.residents IS
'People in care: where they live, and from when to when.

Seen under the organization that runs their facility.';
COMMENT ON COLUMN carenotes.residents.id IS 'The resident. From the event of admission.';
COMMENT ON COLUMN carenotes.residents.facility_id IS
'Facility the resident lives in, or lived in last.';
COMMENT ON COLUMN carenotes.residents.first_name IS
'First name.

Personal data: null after erasure.';
COMMENT ON COLUMN carenotes.residents.last_name IS
'Last name.

Personal data: null after erasure.';
COMMENT ON COLUMN carenotes.residents.date_of_birth IS
'Birthday.

Personal data: null after erasure.';
COMMENT ON COLUMN carenotes.residents.nhs_number IS
'NHS number without spaces. Not unique.

Personal data: null after erasure.';
COMMENT ON COLUMN carenotes.residents.room_number IS
'Room in the facility.

Personal data: null after erasure.';
COMMENT ON COLUMN carenotes.residents.admission_date IS 'First day of the present or last stay.';
COMMENT ON COLUMN carenotes.residents.discharge_date IS
'Last day of the stay, by discharge or death; null while in care.';
COMMENT ON COLUMN carenotes.residents.status IS
'admitted, discharged or deceased; the last is final.';
COMMENT ON COLUMN carenotes.residents.medical_details IS
'Medical facts that staff work with.

Personal data: null after erasure.';
COMMENT ON COLUMN carenotes.residents.contact_details IS
'Whom to contact about the resident, and how.

Personal data: null after erasure.';
COMMENT ON COLUMN carenotes.residents.preferences IS
'What the resident likes and dislikes.

Personal data: null after erasure.';
COMMENT ON COLUMN carenotes.residents.created_at IS
'When the resident was first admitted. Time of its first event.';
COMMENT ON COLUMN carenotes.residents.updated_at IS
'When the row last changed. Time of the latest event.';
COMMENT ON COLUMN carenotes.residents.encrypted_medical_notes IS
'Ciphertext of notes, made by the application under the resident''s key. The database never sees the
key.

Personal data: null after erasure.';

ALTER TABLE carenotes.residents ENABLE ROW LEVEL SECURITY;
ALTER TABLE carenotes.residents FORCE ROW LEVEL SECURITY;

-- policies

-- The organization in force reads the residents of its facilities.
CREATE POLICY select_org ON carenotes.residents FOR SELECT TO authenticated
    USING (facility_id = ANY ((SELECT carenotes.scope_facilities())::uuid[]));

-- Projectors write; the owner's helpers look in.
CREATE POLICY projector_all ON carenotes.residents FOR ALL TO projector
    USING (true) WITH CHECK (true);
CREATE POLICY owner_select ON carenotes.residents FOR SELECT TO annals_owner
    USING (true);

REVOKE ALL ON carenotes.residents FROM PUBLIC, anon, authenticated;
GRANT SELECT ON carenotes.residents TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON carenotes.residents TO projector;
