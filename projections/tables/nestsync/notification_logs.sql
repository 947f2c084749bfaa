CREATE TABLE nestsync.notification_logs (
    id uuid NOT NULL,
    family_id uuid NOT NULL,
    user_id uuid NOT NULL,
    channel text NOT NULL,
    topic text NOT NULL,
    resource_type text,
    resource_id uuid,
    status text NOT NULL DEFAULT 'queued',
    provider_message_id text,
    failure_reason text,
    queued_at timestamp with time zone NOT NULL,
    sent_at timestamp with time zone,
    delivered_at timestamp with time zone,
    failed_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    updated_at timestamp with time zone NOT NULL DEFAULT now(),
    CONSTRAINT notification_logs_pkey PRIMARY KEY (id),
    CONSTRAINT notification_logs_family_id_fkey FOREIGN KEY (family_id)
        REFERENCES nestsync.families (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT notification_logs_user_id_fkey FOREIGN KEY (user_id)
        REFERENCES nestsync.users (id) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT notification_logs_channel_check CHECK (channel IN ('email', 'push', 'sms')),
    CONSTRAINT notification_logs_topic_check CHECK (topic IN (
        'reorder_suggestion', 'family_invitation', 'emergency_profile', 'subscription',
        'product_news'
    )),
    CONSTRAINT notification_logs_status_check
        CHECK (status IN ('queued', 'sent', 'delivered', 'failed', 'suppressed'))
);
ALTER TABLE nestsync.notification_logs OWNER TO annals_owner;

CREATE INDEX idx_notification_logs_family ON nestsync.notification_logs (family_id);
CREATE INDEX idx_notification_logs_user_queued ON nestsync.notification_logs
    (user_id, queued_at DESC);
CREATE INDEX idx_notification_logs_pending ON nestsync.notification_logs (queued_at)
    WHERE status = 'queued';

COMMENT ON TABLE nestsync.notification_logs IS
'Notifications from queueing to delivery.

One row per notification, person and channel, suppressed ones included.';
COMMENT ON COLUMN nestsync.notification_logs.id IS
'The notification. From the event that queued it.';
COMMENT ON COLUMN nestsync.notification_logs.family_id IS 'Family it is about.';
COMMENT ON COLUMN nestsync.notification_logs.user_id IS 'Person to be told.';
COMMENT ON COLUMN nestsync.notification_logs.channel IS 'email, push or sms.';
COMMENT ON COLUMN nestsync.notification_logs.topic IS
'reorder_suggestion, family_invitation, emergency_profile, subscription or product_news.';
COMMENT ON COLUMN nestsync.notification_logs.resource_type IS 'Kind of thing it is about.';
COMMENT ON COLUMN nestsync.notification_logs.resource_id IS 'Which one it is about.';
COMMENT ON COLUMN nestsync.notification_logs.status IS
'queued, then sent, failed or suppressed; from sent to delivered or failed.';
COMMENT ON COLUMN nestsync.notification_logs.provider_message_id IS
'Name of the message at whoever delivers it.';
COMMENT ON COLUMN nestsync.notification_logs.failure_reason IS
'Why it failed or was suppressed.

Personal data: null after erasure.';
COMMENT ON COLUMN nestsync.notification_logs.queued_at IS 'When it was queued.';
COMMENT ON COLUMN nestsync.notification_logs.sent_at IS 'When it was handed over for delivery.';
COMMENT ON COLUMN nestsync.notification_logs.delivered_at IS 'When it was delivered.';
COMMENT ON COLUMN nestsync.notification_logs.failed_at IS 'When it failed.';
COMMENT ON COLUMN nestsync.notification_logs.created_at IS
'When the row was made. Time of its first event.';
COMMENT ON COLUMN nestsync.notification_logs.updated_at IS
'When the row last changed. Time of the latest event.';

ALTER TABLE nestsync.notification_logs ENABLE ROW LEVEL SECURITY;
ALTER TABLE nestsync.notification_logs FORCE ROW LEVEL SECURITY;

-- policies

-- A person reads the own notifications in families they belong to.
CREATE POLICY select_own ON nestsync.notification_logs FOR SELECT TO authenticated
    USING (
        user_id = (SELECT auth.uid())
        AND family_id = ANY ((SELECT nestsync.actor_families())::uuid[])
    );

-- System administrators read every row. Said as a range, so that indexes can answer all of the
-- policies together.
CREATE POLICY select_sysadmin ON nestsync.notification_logs FOR SELECT TO authenticated
    USING (
        family_id BETWEEN (SELECT nestsync.first_for_sysadmin())
            AND 'ffffffff-ffff-ffff-ffff-ffffffffffff'
    );

-- Projectors write; the owner's helpers look in.
CREATE POLICY projector_all ON nestsync.notification_logs FOR ALL TO projector
    USING (true) WITH CHECK (true);
CREATE POLICY owner_select ON nestsync.notification_logs FOR SELECT TO annals_owner
    USING (true);

REVOKE ALL ON nestsync.notification_logs FROM PUBLIC, anon, authenticated;
GRANT SELECT ON nestsync.notification_logs TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON nestsync.notification_logs TO projector;
