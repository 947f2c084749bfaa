-- updated_at is added (F065). That a child answers for itself, in an open session, is a rule on
-- commands (F057).

CREATE TABLE lift.wellbeing_responses (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    session_id uuid NOT NULL,
    child_id uuid NOT NULL,
    activity_type text NOT NULL,
    question_key text NOT NULL,
    question_text text,
    response_type text NOT NULL,
    response_value jsonb NOT NULL,
    response_score integer,
    flags text[] DEFAULT '{}',
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    updated_at timestamp with time zone NOT NULL DEFAULT now(),
    CONSTRAINT wellbeing_responses_pkey PRIMARY KEY (id),
    CONSTRAINT wellbeing_responses_session_id_fkey FOREIGN KEY (session_id)
        REFERENCES lift.wellbeing_sessions (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT wellbeing_responses_child_id_fkey FOREIGN KEY (child_id)
        REFERENCES lift.children (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT wellbeing_responses_activity_type_check CHECK (activity_type IN (
        'mood_wheel', 'emotion_wheel', 'garden_activity', 'reflection_question', 'worry_space'
    )),
    CONSTRAINT wellbeing_responses_response_type_check
        CHECK (response_type IN ('scale', 'multiple_choice', 'text', 'emoji', 'drawing'))
);
ALTER TABLE lift.wellbeing_responses OWNER TO annals_owner;

CREATE INDEX idx_wellbeing_responses_session ON lift.wellbeing_responses (session_id);

COMMENT ON TABLE lift.wellbeing_responses IS
'Answers given during a check-in.

One row per answer. An answer never changes.';
COMMENT ON COLUMN lift.wellbeing_responses.id IS 'The answer. From the event that recorded it.';
COMMENT ON COLUMN lift.wellbeing_responses.session_id IS 'Session the answer belongs to.';
COMMENT ON COLUMN lift.wellbeing_responses.child_id IS
'Child who answered; always the child of the session.';
COMMENT ON COLUMN lift.wellbeing_responses.activity_type IS
'Activity that asked: mood_wheel, emotion_wheel, garden_activity, reflection_question or
worry_space.';
COMMENT ON COLUMN lift.wellbeing_responses.question_key IS
'Name of the question, the same in all languages.';
COMMENT ON COLUMN lift.wellbeing_responses.question_text IS
'The question as the child saw it.

Personal data: gone with its row after erasure.';
COMMENT ON COLUMN lift.wellbeing_responses.response_type IS
'Form of the answer: scale, multiple_choice, text, emoji or drawing.';
COMMENT ON COLUMN lift.wellbeing_responses.response_value IS
'The answer itself, in the form that response_type says.

Personal data: gone with its row after erasure.';
COMMENT ON COLUMN lift.wellbeing_responses.response_score IS
'Points from 1 to 5 for an answer on a scale; null for every other form.

Personal data: gone with its row after erasure.';
COMMENT ON COLUMN lift.wellbeing_responses.flags IS
'Signs of concern found in the answer, such as self_harm; they raise alerts.

Personal data: gone with its row after erasure.';
COMMENT ON COLUMN lift.wellbeing_responses.created_at IS
'When the child answered. Time of the event.';
COMMENT ON COLUMN lift.wellbeing_responses.updated_at IS
'When the row last changed. Time of the latest event.';

ALTER TABLE lift.wellbeing_responses ENABLE ROW LEVEL SECURITY;
ALTER TABLE lift.wellbeing_responses FORCE ROW LEVEL SECURITY;

-- policies

-- A child reads what is its own.
CREATE POLICY select_own ON lift.wellbeing_responses FOR SELECT TO authenticated
    USING (child_id = (SELECT auth.uid()));

-- Staff read what belongs to the children of their organisation.
CREATE POLICY select_staff ON lift.wellbeing_responses FOR SELECT TO authenticated
    USING (
        (SELECT lift.actor_role()) IN ('Practitioner', 'GroupContact')
        AND child_id = ANY ((SELECT lift.actor_children())::uuid[])
    );

-- Account reads every row. Said as a range, so that indexes can answer all of the policies
-- together.
CREATE POLICY select_account ON lift.wellbeing_responses FOR SELECT TO authenticated
    USING (
        child_id BETWEEN (SELECT lift.first_for_account())
            AND 'ffffffff-ffff-ffff-ffff-ffffffffffff'
    );

-- Projectors write; the owner's helpers look in.
CREATE POLICY projector_all ON lift.wellbeing_responses FOR ALL TO projector
    USING (true) WITH CHECK (true);
CREATE POLICY owner_select ON lift.wellbeing_responses FOR SELECT TO annals_owner
    USING (true);

REVOKE ALL ON lift.wellbeing_responses FROM PUBLIC, anon, authenticated;
GRANT SELECT ON lift.wellbeing_responses TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON lift.wellbeing_responses TO projector;
