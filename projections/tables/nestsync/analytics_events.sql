-- user_id is null unless the person agreed to be named (F140).

CREATE TABLE nestsync.analytics_events (
    id uuid NOT NULL,
    family_id uuid NOT NULL,
    user_id uuid,
    event_name text NOT NULL,
    properties jsonb NOT NULL DEFAULT '{}',
    session_id text,
    occurred_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    CONSTRAINT analytics_events_pkey PRIMARY KEY (id),
    CONSTRAINT analytics_events_family_id_fkey FOREIGN KEY (family_id)
        REFERENCES nestsync.families (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT analytics_events_user_id_fkey FOREIGN KEY (user_id)
        REFERENCES nestsync.users (id) DEFERRABLE INITIALLY DEFERRED
);
ALTER TABLE nestsync.analytics_events OWNER TO annals_owner;

CREATE INDEX idx_analytics_events_family_time ON nestsync.analytics_events
    (family_id, occurred_at DESC);
CREATE INDEX idx_analytics_events_user ON nestsync.analytics_events (user_id);

COMMENT ON TABLE nestsync.analytics_events IS
'What people did in the application.

Without a person unless that person agreed to be named. Kept 13 months.';
COMMENT ON COLUMN nestsync.analytics_events.id IS 'The activity. From the event that tracked it.';
COMMENT ON COLUMN nestsync.analytics_events.family_id IS 'Family in which it happened.';
COMMENT ON COLUMN nestsync.analytics_events.user_id IS
'Person who did it; null unless the person agreed.';
COMMENT ON COLUMN nestsync.analytics_events.event_name IS 'What was done.';
COMMENT ON COLUMN nestsync.analytics_events.properties IS
'Circumstances, by name.

Personal data: gone with its row after erasure.';
COMMENT ON COLUMN nestsync.analytics_events.session_id IS
'Session of the application in which it was done.

Personal data: gone with its row after erasure.';
COMMENT ON COLUMN nestsync.analytics_events.occurred_at IS
'When it was done, by the application''s clock.';
COMMENT ON COLUMN nestsync.analytics_events.created_at IS
'When it was recorded. Time of the event.';

ALTER TABLE nestsync.analytics_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE nestsync.analytics_events FORCE ROW LEVEL SECURITY;

-- policies

-- Members with analytics.read read the family's activity, everyone else the own.
CREATE POLICY select_member ON nestsync.analytics_events FOR SELECT TO authenticated
    USING (
        family_id = ANY ((SELECT nestsync.families_where_actor_may('analytics.read'))::uuid[])
        OR (user_id = (SELECT auth.uid())
            AND family_id = ANY ((SELECT nestsync.actor_families())::uuid[]))
    );

-- System administrators read every row. Said as a range, so that indexes can answer all of the
-- policies together.
CREATE POLICY select_sysadmin ON nestsync.analytics_events FOR SELECT TO authenticated
    USING (
        family_id BETWEEN (SELECT nestsync.first_for_sysadmin())
            AND 'ffffffff-ffff-ffff-ffff-ffffffffffff'
    );

-- Projectors write; the owner's helpers look in.
CREATE POLICY projector_all ON nestsync.analytics_events FOR ALL TO projector
    USING (true) WITH CHECK (true);
CREATE POLICY owner_select ON nestsync.analytics_events FOR SELECT TO annals_owner
    USING (true);

REVOKE ALL ON nestsync.analytics_events FROM PUBLIC, anon, authenticated;
GRANT SELECT ON nestsync.analytics_events TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON nestsync.analytics_events TO projector;
