-- created_at and updated_at are added (F065).

CREATE TABLE lift.stickers_earned (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    child_id uuid NOT NULL,
    sticker_type text NOT NULL,
    sticker_name text NOT NULL,
    sticker_description text,
    earned_for text NOT NULL,
    session_id uuid,
    earned_at timestamp with time zone NOT NULL DEFAULT now(),
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    updated_at timestamp with time zone NOT NULL DEFAULT now(),
    CONSTRAINT stickers_earned_pkey PRIMARY KEY (id),
    CONSTRAINT stickers_earned_child_id_fkey FOREIGN KEY (child_id)
        REFERENCES lift.children (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT stickers_earned_session_id_fkey FOREIGN KEY (session_id)
        REFERENCES lift.wellbeing_sessions (id) DEFERRABLE INITIALLY DEFERRED
);
ALTER TABLE lift.stickers_earned OWNER TO annals_owner;

COMMENT ON TABLE lift.stickers_earned IS
'Stickers awarded to children.

Awarded by the system, once for each session and kind.';
COMMENT ON COLUMN lift.stickers_earned.id IS 'The sticker. From the event that awarded it.';
COMMENT ON COLUMN lift.stickers_earned.child_id IS 'Child who was given it.';
COMMENT ON COLUMN lift.stickers_earned.sticker_type IS
'Kind of sticker: the type of the session, or milestone_N.';
COMMENT ON COLUMN lift.stickers_earned.sticker_name IS 'Name shown to the child.';
COMMENT ON COLUMN lift.stickers_earned.sticker_description IS
'What the sticker is for, in words for the child.';
COMMENT ON COLUMN lift.stickers_earned.earned_for IS 'Reason: session_completed or milestone.';
COMMENT ON COLUMN lift.stickers_earned.session_id IS 'Session that earned it, if one did.';
COMMENT ON COLUMN lift.stickers_earned.earned_at IS 'When it was earned.';
COMMENT ON COLUMN lift.stickers_earned.created_at IS 'When it was awarded. Time of the event.';
COMMENT ON COLUMN lift.stickers_earned.updated_at IS
'When the row last changed. Time of the latest event.';

ALTER TABLE lift.stickers_earned ENABLE ROW LEVEL SECURITY;
ALTER TABLE lift.stickers_earned FORCE ROW LEVEL SECURITY;

-- policies

-- A child reads what is its own.
CREATE POLICY select_own ON lift.stickers_earned FOR SELECT TO authenticated
    USING (child_id = (SELECT auth.uid()));

-- Staff read what belongs to the children of their organisation.
CREATE POLICY select_staff ON lift.stickers_earned FOR SELECT TO authenticated
    USING (
        (SELECT lift.actor_role()) IN ('Practitioner', 'GroupContact')
        AND child_id = ANY ((SELECT lift.actor_children())::uuid[])
    );

-- Account reads every row. Said as a range, so that indexes can answer all of the policies
-- together.
CREATE POLICY select_account ON lift.stickers_earned FOR SELECT TO authenticated
    USING (
        child_id BETWEEN (SELECT lift.first_for_account())
            AND 'ffffffff-ffff-ffff-ffff-ffffffffffff'
    );

-- Projectors write; the owner's helpers look in.
CREATE POLICY projector_all ON lift.stickers_earned FOR ALL TO projector
    USING (true) WITH CHECK (true);
CREATE POLICY owner_select ON lift.stickers_earned FOR SELECT TO annals_owner
    USING (true);

REVOKE ALL ON lift.stickers_earned FROM PUBLIC, anon, authenticated;
GRANT SELECT ON lift.stickers_earned TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON lift.stickers_earned TO projector;
