-- Partitioned by month, which the document's own statements cannot do (F071): the key takes in
-- the date, which is NOT NULL (F072), partitions are made when needed (F073), carry no policy and
-- no right of their own (F074), and have the vacuum settings that a partitioned table cannot
-- (F075).

CREATE TABLE carenotes.daily_records (
    id uuid NOT NULL,
    resident_id uuid,
    date date NOT NULL,
    shift character varying(50),
    care_delivered jsonb,
    observations jsonb,
    created_by uuid,
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now(),
    CONSTRAINT daily_records_pkey PRIMARY KEY (id, date),
    CONSTRAINT daily_records_resident_id_fkey FOREIGN KEY (resident_id)
        REFERENCES carenotes.residents (id) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT daily_records_created_by_fkey FOREIGN KEY (created_by)
        REFERENCES carenotes.users (id) DEFERRABLE INITIALLY DEFERRED
) PARTITION BY RANGE (date);
ALTER TABLE carenotes.daily_records OWNER TO annals_owner;

CREATE INDEX idx_daily_records_resident_date ON carenotes.daily_records (resident_id, date);

COMMENT ON TABLE carenotes.daily_records IS
'What was done for a resident, and seen of them, in a shift.

Kept in one partition per month, made when it is needed. Read through this table only: readers have
no right to a partition.';
COMMENT ON COLUMN carenotes.daily_records.id IS 'The record. From the event that recorded it.';
COMMENT ON COLUMN carenotes.daily_records.resident_id IS 'Resident it is about.';
COMMENT ON COLUMN carenotes.daily_records.date IS
'Day of the shift. It decides the partition and never changes.';
COMMENT ON COLUMN carenotes.daily_records.shift IS 'early, late or night.';
COMMENT ON COLUMN carenotes.daily_records.care_delivered IS
'What was done.

Personal data: null after erasure.';
COMMENT ON COLUMN carenotes.daily_records.observations IS
'What was seen.

Personal data: null after erasure.';
COMMENT ON COLUMN carenotes.daily_records.created_by IS 'Member of staff who recorded it.';
COMMENT ON COLUMN carenotes.daily_records.created_at IS
'When it was recorded. Time of its first event.';
COMMENT ON COLUMN carenotes.daily_records.updated_at IS
'When it was last amended. Time of the latest event.';

ALTER TABLE carenotes.daily_records ENABLE ROW LEVEL SECURITY;
ALTER TABLE carenotes.daily_records FORCE ROW LEVEL SECURITY;

-- policies

-- The organization in force reads the records of its residents, through this table only.
CREATE POLICY select_org ON carenotes.daily_records FOR SELECT TO authenticated
    USING (resident_id = ANY ((SELECT carenotes.scope_residents())::uuid[]));

-- Projectors write; the owner's helpers look in.
CREATE POLICY projector_all ON carenotes.daily_records FOR ALL TO projector
    USING (true) WITH CHECK (true);
CREATE POLICY owner_select ON carenotes.daily_records FOR SELECT TO annals_owner
    USING (true);

REVOKE ALL ON carenotes.daily_records FROM PUBLIC, anon, authenticated;
GRANT SELECT ON carenotes.daily_records TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON carenotes.daily_records TO projector;

-- The month that the document begins with; others are made when a record needs them.
SELECT carenotes.ensure_daily_records_partition('2024-01-01');
