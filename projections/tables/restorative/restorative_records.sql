-- The document writes policies and never switches row security on (F034), and takes its default
-- times from a local clock (F035).

CREATE TABLE restorative.restorative_records (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL,
    introduction text,
    narrative text,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    updated_at timestamp with time zone NOT NULL DEFAULT now(),
    CONSTRAINT restorative_records_pkey PRIMARY KEY (id),
    CONSTRAINT restorative_records_user_id_key UNIQUE (user_id),
    CONSTRAINT restorative_records_user_id_fkey FOREIGN KEY (user_id)
        REFERENCES auth.users (id) DEFERRABLE INITIALLY DEFERRED
);
ALTER TABLE restorative.restorative_records OWNER TO annals_owner;

COMMENT ON TABLE restorative.restorative_records IS
'A person''s introduction and narrative.

One row per person, seen and written by that person alone. Not even support staff read it.';
COMMENT ON COLUMN restorative.restorative_records.id IS 'The record. From the event that made it.';
COMMENT ON COLUMN restorative.restorative_records.user_id IS
'Person whose record it is, as in auth.users.';
COMMENT ON COLUMN restorative.restorative_records.introduction IS
'How the person introduces themselves; at most 5 000 characters.

Personal data: gone with its row after erasure.';
COMMENT ON COLUMN restorative.restorative_records.narrative IS
'The person''s account, in their own words; at most 100 000 characters.

Personal data: gone with its row after erasure.';
COMMENT ON COLUMN restorative.restorative_records.created_at IS
'When the record was made. Time of its first event.';
COMMENT ON COLUMN restorative.restorative_records.updated_at IS
'When it was last revised. Time of the latest event.';

ALTER TABLE restorative.restorative_records ENABLE ROW LEVEL SECURITY;
ALTER TABLE restorative.restorative_records FORCE ROW LEVEL SECURITY;

-- policies

-- A person reads the own record and no other.
CREATE POLICY select_own ON restorative.restorative_records FOR SELECT TO authenticated
    USING (user_id = (SELECT auth.uid()));

-- Projectors write; the owner's helpers look in.
CREATE POLICY projector_all ON restorative.restorative_records FOR ALL TO projector
    USING (true) WITH CHECK (true);
CREATE POLICY owner_select ON restorative.restorative_records FOR SELECT TO annals_owner
    USING (true);

REVOKE ALL ON restorative.restorative_records FROM PUBLIC, anon, authenticated;
GRANT SELECT ON restorative.restorative_records TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON restorative.restorative_records TO projector;
