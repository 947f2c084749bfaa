-- The rating is checked once, not twice (F091). Events carry [] for cards_drawn and null for
-- started_at until there is something to say (F116). Values listed in comments are checks (F113).

CREATE TABLE samia.reading_sessions (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    client_id uuid NOT NULL,
    reader_id uuid,
    spread_id uuid NOT NULL,
    question text,
    session_type character varying(50) DEFAULT 'standard',
    status character varying(50) DEFAULT 'pending',
    cards_drawn jsonb NOT NULL,
    ai_interpretation jsonb,
    ai_model_version character varying(50),
    reader_notes text,
    reader_interpretation text,
    duration_minutes integer,
    satisfaction_rating integer,
    client_feedback text,
    started_at timestamp with time zone DEFAULT now(),
    completed_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now(),
    CONSTRAINT reading_sessions_pkey PRIMARY KEY (id),
    CONSTRAINT reading_sessions_client_id_fkey FOREIGN KEY (client_id)
        REFERENCES samia.users (id) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT reading_sessions_reader_id_fkey FOREIGN KEY (reader_id)
        REFERENCES samia.users (id) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT reading_sessions_spread_id_fkey FOREIGN KEY (spread_id)
        REFERENCES samia.tarot_spreads (id) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT reading_sessions_satisfaction_rating_check
        CHECK (satisfaction_rating BETWEEN 1 AND 5),
    CONSTRAINT reading_sessions_session_type_check
        CHECK (session_type IN ('standard', 'emergency', 'practice')),
    CONSTRAINT reading_sessions_status_check
        CHECK (status IN ('pending', 'active', 'completed', 'cancelled'))
);
ALTER TABLE samia.reading_sessions OWNER TO annals_owner;

CREATE INDEX idx_reading_sessions_client ON samia.reading_sessions (client_id);
CREATE INDEX idx_reading_sessions_reader ON samia.reading_sessions (reader_id);
CREATE INDEX idx_reading_sessions_status ON samia.reading_sessions (status);
CREATE INDEX idx_reading_sessions_created ON samia.reading_sessions (created_at);
CREATE INDEX idx_reading_sessions_client_status ON samia.reading_sessions (client_id, status);
CREATE INDEX idx_reading_sessions_cards ON samia.reading_sessions USING gin (cards_drawn);

COMMENT ON TABLE samia.reading_sessions IS
'Readings from request to rating.

Seen by client and reader, and by admins.';
COMMENT ON COLUMN samia.reading_sessions.id IS 'The reading. From the event that asked for it.';
COMMENT ON COLUMN samia.reading_sessions.client_id IS 'Person who asked for it.';
COMMENT ON COLUMN samia.reading_sessions.reader_id IS
'Reader who gives it; null when it is given by AI.';
COMMENT ON COLUMN samia.reading_sessions.spread_id IS 'Spread the cards are laid in.';
COMMENT ON COLUMN samia.reading_sessions.question IS
'What the client wants to know.

Personal data: null after erasure.';
COMMENT ON COLUMN samia.reading_sessions.session_type IS 'standard, emergency or practice.';
COMMENT ON COLUMN samia.reading_sessions.status IS
'pending, active, completed or cancelled; the last two are final.';
COMMENT ON COLUMN samia.reading_sessions.cards_drawn IS
'Cards with position and orientation; empty until drawn.

Personal data: empty after erasure.';
COMMENT ON COLUMN samia.reading_sessions.ai_interpretation IS
'What the AI reads in the cards.

Personal data: null after erasure.';
COMMENT ON COLUMN samia.reading_sessions.ai_model_version IS 'Model that did so.';
COMMENT ON COLUMN samia.reading_sessions.reader_notes IS
'Working notes of the reader. The client may read them.

Personal data: null after erasure.';
COMMENT ON COLUMN samia.reading_sessions.reader_interpretation IS
'What the reader reads in the cards.

Personal data: null after erasure.';
COMMENT ON COLUMN samia.reading_sessions.duration_minutes IS
'Whole minutes from start to completion.';
COMMENT ON COLUMN samia.reading_sessions.satisfaction_rating IS
'Rating by the client, from 1 (worst) to 5 (best), once.';
COMMENT ON COLUMN samia.reading_sessions.client_feedback IS
'What the client says about the reading.

Personal data: null after erasure.';
COMMENT ON COLUMN samia.reading_sessions.started_at IS
'When the reading began; null while pending.';
COMMENT ON COLUMN samia.reading_sessions.completed_at IS 'When it was completed.';
COMMENT ON COLUMN samia.reading_sessions.created_at IS
'When it was asked for. Time of its first event.';
COMMENT ON COLUMN samia.reading_sessions.updated_at IS
'When the row last changed. Time of the latest event.';

ALTER TABLE samia.reading_sessions ENABLE ROW LEVEL SECURITY;
ALTER TABLE samia.reading_sessions FORCE ROW LEVEL SECURITY;

-- policies

-- Client and reader read their reading.
CREATE POLICY select_party ON samia.reading_sessions FOR SELECT TO authenticated
    USING (client_id = (SELECT auth.uid()) OR reader_id = (SELECT auth.uid()));

-- Admins read every row. Said as a range, so that indexes can answer all of the policies
-- together.
CREATE POLICY select_admin ON samia.reading_sessions FOR SELECT TO authenticated
    USING (
        id BETWEEN (SELECT samia.first_for_admin())
            AND 'ffffffff-ffff-ffff-ffff-ffffffffffff'
    );

-- Projectors write; the owner's helpers look in.
CREATE POLICY projector_all ON samia.reading_sessions FOR ALL TO projector
    USING (true) WITH CHECK (true);
CREATE POLICY owner_select ON samia.reading_sessions FOR SELECT TO annals_owner
    USING (true);

REVOKE ALL ON samia.reading_sessions FROM PUBLIC, anon, authenticated;
GRANT SELECT ON samia.reading_sessions TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON samia.reading_sessions TO projector;
