-- The document leaves this table unguarded (F088) and does not say what a row is: one user, web
-- session and UTC day, unique here (F124).

CREATE TABLE samia.user_analytics (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    user_id uuid,
    session_id character varying(255),
    page_views integer DEFAULT 0,
    session_duration integer,
    readings_completed integer DEFAULT 0,
    messages_sent integer DEFAULT 0,
    calls_made integer DEFAULT 0,
    total_spent numeric(15,2) DEFAULT 0.00,
    average_session_value numeric(15,2) DEFAULT 0.00,
    device_type character varying(50),
    browser character varying(100),
    operating_system character varying(100),
    country character varying(2),
    city character varying(100),
    date date NOT NULL,
    created_at timestamp with time zone DEFAULT now(),
    CONSTRAINT user_analytics_pkey PRIMARY KEY (id),
    CONSTRAINT user_analytics_user_id_session_id_date_key UNIQUE (user_id, session_id, date),
    CONSTRAINT user_analytics_user_id_fkey FOREIGN KEY (user_id)
        REFERENCES samia.users (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
ALTER TABLE samia.user_analytics OWNER TO annals_owner;

CREATE INDEX idx_user_analytics_user_date ON samia.user_analytics (user_id, date);
CREATE INDEX idx_user_analytics_date ON samia.user_analytics (date);

COMMENT ON TABLE samia.user_analytics IS
'What a user viewed, did and spent, by web session and day.

One row per user, web session and UTC day. Counted from events.';
COMMENT ON COLUMN samia.user_analytics.id IS 'The row, made from user, web session and day.';
COMMENT ON COLUMN samia.user_analytics.user_id IS 'Person it counts for.';
COMMENT ON COLUMN samia.user_analytics.session_id IS
'Web session; ''server'' for what happens outside of one.

Personal data: gone with its row after erasure.';
COMMENT ON COLUMN samia.user_analytics.page_views IS 'Number of pages viewed.';
COMMENT ON COLUMN samia.user_analytics.session_duration IS 'Length of the web session, in seconds.';
COMMENT ON COLUMN samia.user_analytics.readings_completed IS 'Number of readings completed.';
COMMENT ON COLUMN samia.user_analytics.messages_sent IS 'Number of messages sent.';
COMMENT ON COLUMN samia.user_analytics.calls_made IS 'Number of calls made.';
COMMENT ON COLUMN samia.user_analytics.total_spent IS 'Money spent, in the wallet''s currency.';
COMMENT ON COLUMN samia.user_analytics.average_session_value IS
'Money spent per reading paid for, in the wallet''s currency.';
COMMENT ON COLUMN samia.user_analytics.device_type IS
'Kind of device.

Personal data: gone with its row after erasure.';
COMMENT ON COLUMN samia.user_analytics.browser IS
'Browser used.

Personal data: gone with its row after erasure.';
COMMENT ON COLUMN samia.user_analytics.operating_system IS
'Operating system of the device.

Personal data: gone with its row after erasure.';
COMMENT ON COLUMN samia.user_analytics.country IS
'Country, as a two-letter code.

Personal data: gone with its row after erasure.';
COMMENT ON COLUMN samia.user_analytics.city IS
'Town.

Personal data: gone with its row after erasure.';
COMMENT ON COLUMN samia.user_analytics.date IS 'Day in UTC.';
COMMENT ON COLUMN samia.user_analytics.created_at IS
'When the row was first counted. Time of its first event.';

ALTER TABLE samia.user_analytics ENABLE ROW LEVEL SECURITY;
ALTER TABLE samia.user_analytics FORCE ROW LEVEL SECURITY;

-- policies

-- A user reads what is the own.
CREATE POLICY select_own ON samia.user_analytics FOR SELECT TO authenticated
    USING (user_id = (SELECT auth.uid()));

-- Admins read every row. Said as a range, so that indexes can answer all of the policies
-- together.
CREATE POLICY select_admin ON samia.user_analytics FOR SELECT TO authenticated
    USING (
        id BETWEEN (SELECT samia.first_for_admin())
            AND 'ffffffff-ffff-ffff-ffff-ffffffffffff'
    );

-- Projectors write; the owner's helpers look in.
CREATE POLICY projector_all ON samia.user_analytics FOR ALL TO projector
    USING (true) WITH CHECK (true);
CREATE POLICY owner_select ON samia.user_analytics FOR SELECT TO annals_owner
    USING (true);

REVOKE ALL ON samia.user_analytics FROM PUBLIC, anon, authenticated;
GRANT SELECT ON samia.user_analytics TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON samia.user_analytics TO projector;
