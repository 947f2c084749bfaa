CREATE TABLE samia.tarot_spreads (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    name character varying(255) NOT NULL,
    description text,
    card_count integer NOT NULL,
    layout_data jsonb NOT NULL,
    difficulty_level character varying(20) DEFAULT 'beginner',
    category character varying(100),
    is_custom boolean DEFAULT false,
    created_by uuid,
    is_public boolean DEFAULT true,
    usage_count integer DEFAULT 0,
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now(),
    CONSTRAINT tarot_spreads_pkey PRIMARY KEY (id),
    CONSTRAINT tarot_spreads_created_by_fkey FOREIGN KEY (created_by)
        REFERENCES samia.users (id) DEFERRABLE INITIALLY DEFERRED
);
ALTER TABLE samia.tarot_spreads OWNER TO annals_owner;

CREATE INDEX idx_tarot_spreads_public ON samia.tarot_spreads (is_public);
CREATE INDEX idx_tarot_spreads_creator ON samia.tarot_spreads (created_by);

COMMENT ON TABLE samia.tarot_spreads IS
'Layouts for readings, predefined or made by users.

Public ones are readable by everyone, signed in or not.';
COMMENT ON COLUMN samia.tarot_spreads.id IS 'The spread. From the event that made it.';
COMMENT ON COLUMN samia.tarot_spreads.name IS
'Name of the spread.

Personal data: ''erased'' after erasure.';
COMMENT ON COLUMN samia.tarot_spreads.description IS
'What it is good for.

Personal data: null after erasure.';
COMMENT ON COLUMN samia.tarot_spreads.card_count IS
'Number of cards; equals the number of positions.';
COMMENT ON COLUMN samia.tarot_spreads.layout_data IS 'Positions with their places and meanings.';
COMMENT ON COLUMN samia.tarot_spreads.difficulty_level IS
'How hard it is to read, such as beginner.';
COMMENT ON COLUMN samia.tarot_spreads.category IS 'Group it is listed under.';
COMMENT ON COLUMN samia.tarot_spreads.is_custom IS 'Whether a user made it, rather than an admin.';
COMMENT ON COLUMN samia.tarot_spreads.created_by IS 'Author; null for a predefined spread.';
COMMENT ON COLUMN samia.tarot_spreads.is_public IS 'Whether everyone sees it.';
COMMENT ON COLUMN samia.tarot_spreads.usage_count IS 'Number of readings asked for with it.';
COMMENT ON COLUMN samia.tarot_spreads.created_at IS 'When it was made. Time of its first event.';
COMMENT ON COLUMN samia.tarot_spreads.updated_at IS
'When it last changed. Time of the latest event.';

ALTER TABLE samia.tarot_spreads ENABLE ROW LEVEL SECURITY;
ALTER TABLE samia.tarot_spreads FORCE ROW LEVEL SECURITY;

-- policies

-- Everyone reads public spreads, signed in or not.
CREATE POLICY select_public ON samia.tarot_spreads FOR SELECT TO authenticated, anon
    USING (is_public);

-- Authors read their spreads, public or not.
CREATE POLICY select_own ON samia.tarot_spreads FOR SELECT TO authenticated
    USING (created_by = (SELECT auth.uid()));

-- Projectors write; the owner's helpers look in.
CREATE POLICY projector_all ON samia.tarot_spreads FOR ALL TO projector
    USING (true) WITH CHECK (true);
CREATE POLICY owner_select ON samia.tarot_spreads FOR SELECT TO annals_owner
    USING (true);

REVOKE ALL ON samia.tarot_spreads FROM PUBLIC, anon, authenticated;
GRANT SELECT ON samia.tarot_spreads TO authenticated, anon;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON samia.tarot_spreads TO projector;
