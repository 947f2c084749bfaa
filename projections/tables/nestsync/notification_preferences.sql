CREATE TABLE nestsync.notification_preferences (
    id uuid NOT NULL,
    family_id uuid NOT NULL,
    user_id uuid NOT NULL,
    channel text NOT NULL,
    topic text NOT NULL,
    enabled boolean NOT NULL,
    quiet_from time without time zone,
    quiet_until time without time zone,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    updated_at timestamp with time zone NOT NULL DEFAULT now(),
    CONSTRAINT notification_preferences_pkey PRIMARY KEY (id),
    CONSTRAINT notification_preferences_user_id_family_id_channel_topic_key
        UNIQUE (user_id, family_id, channel, topic),
    CONSTRAINT notification_preferences_family_id_fkey FOREIGN KEY (family_id)
        REFERENCES nestsync.families (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT notification_preferences_user_id_fkey FOREIGN KEY (user_id)
        REFERENCES nestsync.users (id) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT notification_preferences_channel_check CHECK (channel IN ('email', 'push', 'sms')),
    CONSTRAINT notification_preferences_topic_check CHECK (topic IN (
        'reorder_suggestion', 'family_invitation', 'emergency_profile', 'subscription',
        'product_news'
    ))
);
ALTER TABLE nestsync.notification_preferences OWNER TO annals_owner;

CREATE INDEX idx_notification_preferences_family ON nestsync.notification_preferences (family_id);

COMMENT ON TABLE nestsync.notification_preferences IS
'What a person wants to hear about, and how.

One row per person, family, channel and topic. Without one, e-mail and push are on, sms and
product_news are off.';
COMMENT ON COLUMN nestsync.notification_preferences.id IS
'The preference. From the event that set it.';
COMMENT ON COLUMN nestsync.notification_preferences.family_id IS
'Family whose notifications are meant.';
COMMENT ON COLUMN nestsync.notification_preferences.user_id IS 'Person whose preference it is.';
COMMENT ON COLUMN nestsync.notification_preferences.channel IS 'email, push or sms.';
COMMENT ON COLUMN nestsync.notification_preferences.topic IS
'reorder_suggestion, family_invitation, emergency_profile, subscription or product_news.';
COMMENT ON COLUMN nestsync.notification_preferences.enabled IS 'Whether the person wants them.';
COMMENT ON COLUMN nestsync.notification_preferences.quiet_from IS
'Start of the time of day without notifications; null for none.';
COMMENT ON COLUMN nestsync.notification_preferences.quiet_until IS
'End of that time; earlier than the start if it passes midnight.';
COMMENT ON COLUMN nestsync.notification_preferences.created_at IS
'When it was first set. Time of its first event.';
COMMENT ON COLUMN nestsync.notification_preferences.updated_at IS
'When it last changed. Time of the latest event.';

ALTER TABLE nestsync.notification_preferences ENABLE ROW LEVEL SECURITY;
ALTER TABLE nestsync.notification_preferences FORCE ROW LEVEL SECURITY;

-- policies

-- A person reads the own preferences in families they belong to.
CREATE POLICY select_own ON nestsync.notification_preferences FOR SELECT TO authenticated
    USING (
        user_id = (SELECT auth.uid())
        AND family_id = ANY ((SELECT nestsync.actor_families())::uuid[])
    );

-- System administrators read every row. Said as a range, so that indexes can answer all of the
-- policies together.
CREATE POLICY select_sysadmin ON nestsync.notification_preferences FOR SELECT TO authenticated
    USING (
        family_id BETWEEN (SELECT nestsync.first_for_sysadmin())
            AND 'ffffffff-ffff-ffff-ffff-ffffffffffff'
    );

-- Projectors write; the owner's helpers look in.
CREATE POLICY projector_all ON nestsync.notification_preferences FOR ALL TO projector
    USING (true) WITH CHECK (true);
CREATE POLICY owner_select ON nestsync.notification_preferences FOR SELECT TO annals_owner
    USING (true);

REVOKE ALL ON nestsync.notification_preferences FROM PUBLIC, anon, authenticated;
GRANT SELECT ON nestsync.notification_preferences TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON nestsync.notification_preferences TO projector;
