-- Children start, complete and abandon sessions by command; the document's right to do anything
-- to their rows is a rule on commands (F056).

CREATE TABLE lift.wellbeing_sessions (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    child_id uuid NOT NULL,
    session_type text NOT NULL,
    status text NOT NULL DEFAULT 'in_progress',
    started_at timestamp with time zone NOT NULL DEFAULT now(),
    completed_at timestamp with time zone,
    duration_seconds integer,
    activities_completed text[] DEFAULT '{}',
    overall_mood integer,
    notes text,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    updated_at timestamp with time zone NOT NULL DEFAULT now(),
    CONSTRAINT wellbeing_sessions_pkey PRIMARY KEY (id),
    CONSTRAINT wellbeing_sessions_child_id_fkey FOREIGN KEY (child_id)
        REFERENCES lift.children (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT wellbeing_sessions_session_type_check
        CHECK (session_type IN ('daily_checkin', 'weekly_review', 'monthly_assessment')),
    CONSTRAINT wellbeing_sessions_status_check
        CHECK (status IN ('in_progress', 'completed', 'abandoned')),
    CONSTRAINT wellbeing_sessions_overall_mood_check CHECK (overall_mood BETWEEN 1 AND 5)
);
ALTER TABLE lift.wellbeing_sessions OWNER TO annals_owner;

CREATE INDEX idx_wellbeing_sessions_child_date ON lift.wellbeing_sessions
    (child_id, created_at DESC);

COMMENT ON TABLE lift.wellbeing_sessions IS
'Check-ins that children start, complete or abandon.

One row per session; its answers are in wellbeing_responses.';
COMMENT ON COLUMN lift.wellbeing_sessions.id IS 'The session. From the event that started it.';
COMMENT ON COLUMN lift.wellbeing_sessions.child_id IS 'Child checking in.';
COMMENT ON COLUMN lift.wellbeing_sessions.session_type IS
'daily_checkin, weekly_review or monthly_assessment.';
COMMENT ON COLUMN lift.wellbeing_sessions.status IS
'in_progress, then completed or abandoned for good.';
COMMENT ON COLUMN lift.wellbeing_sessions.started_at IS 'When the child began.';
COMMENT ON COLUMN lift.wellbeing_sessions.completed_at IS
'When the child finished; null while in progress and when abandoned.';
COMMENT ON COLUMN lift.wellbeing_sessions.duration_seconds IS
'Whole seconds from start to completion; null until completed.';
COMMENT ON COLUMN lift.wellbeing_sessions.activities_completed IS
'Kinds of activity answered so far, in order and without repeats.

Personal data: gone with its row after erasure.';
COMMENT ON COLUMN lift.wellbeing_sessions.overall_mood IS
'How the child felt altogether, from 1 (worst) to 5 (best), given at completion.

Personal data: gone with its row after erasure.';
COMMENT ON COLUMN lift.wellbeing_sessions.notes IS
'What the child added at completion.

Personal data: gone with its row after erasure.';
COMMENT ON COLUMN lift.wellbeing_sessions.created_at IS
'When the session was recorded. Time of its first event.';
COMMENT ON COLUMN lift.wellbeing_sessions.updated_at IS
'When the row last changed. Time of the latest event.';

ALTER TABLE lift.wellbeing_sessions ENABLE ROW LEVEL SECURITY;
ALTER TABLE lift.wellbeing_sessions FORCE ROW LEVEL SECURITY;

-- policies

-- A child reads what is its own.
CREATE POLICY select_own ON lift.wellbeing_sessions FOR SELECT TO authenticated
    USING (child_id = (SELECT auth.uid()));

-- Staff read what belongs to the children of their organisation.
CREATE POLICY select_staff ON lift.wellbeing_sessions FOR SELECT TO authenticated
    USING (
        (SELECT lift.actor_role()) IN ('Practitioner', 'GroupContact')
        AND child_id = ANY ((SELECT lift.actor_children())::uuid[])
    );

-- Account reads every row. Said as a range, so that indexes can answer all of the policies
-- together.
CREATE POLICY select_account ON lift.wellbeing_sessions FOR SELECT TO authenticated
    USING (
        child_id BETWEEN (SELECT lift.first_for_account())
            AND 'ffffffff-ffff-ffff-ffff-ffffffffffff'
    );

-- Projectors write; the owner's helpers look in.
CREATE POLICY projector_all ON lift.wellbeing_sessions FOR ALL TO projector
    USING (true) WITH CHECK (true);
CREATE POLICY owner_select ON lift.wellbeing_sessions FOR SELECT TO annals_owner
    USING (true);

REVOKE ALL ON lift.wellbeing_sessions FROM PUBLIC, anon, authenticated;
GRANT SELECT ON lift.wellbeing_sessions TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON lift.wellbeing_sessions TO projector;
