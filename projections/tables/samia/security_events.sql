-- The document leaves this table unguarded (F088). Values listed in comments are checks (F113),
-- and so is the range of the score (F115).

CREATE TABLE samia.security_events (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    user_id uuid,
    event_type character varying(100) NOT NULL,
    severity character varying(20) DEFAULT 'medium',
    description text NOT NULL,
    ip_address inet,
    user_agent text,
    geolocation jsonb,
    detection_method character varying(100),
    confidence_score numeric(3,2),
    status character varying(50) DEFAULT 'open',
    assigned_to uuid,
    resolution_notes text,
    "timestamp" timestamp with time zone DEFAULT now(),
    resolved_at timestamp with time zone,
    CONSTRAINT security_events_pkey PRIMARY KEY (id),
    CONSTRAINT security_events_user_id_fkey FOREIGN KEY (user_id)
        REFERENCES samia.users (id) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT security_events_assigned_to_fkey FOREIGN KEY (assigned_to)
        REFERENCES samia.users (id) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT security_events_severity_check
        CHECK (severity IN ('low', 'medium', 'high', 'critical')),
    CONSTRAINT security_events_detection_method_check
        CHECK (detection_method IN ('manual', 'automated', 'ai')),
    CONSTRAINT security_events_status_check
        CHECK (status IN ('open', 'investigating', 'resolved', 'false_positive')),
    CONSTRAINT security_events_confidence_score_check CHECK (confidence_score BETWEEN 0 AND 1)
);
ALTER TABLE samia.security_events OWNER TO annals_owner;

CREATE INDEX idx_security_events_user ON samia.security_events (user_id);
CREATE INDEX idx_security_events_type ON samia.security_events (event_type);
CREATE INDEX idx_security_events_severity ON samia.security_events (severity);
CREATE INDEX idx_security_events_status ON samia.security_events (status);

COMMENT ON TABLE samia.security_events IS
'Security incidents and their handling.

Goes from open to investigating, then to resolved or false_positive. Seen by monitors and admins.';
COMMENT ON COLUMN samia.security_events.id IS 'The incident. From the event that reported it.';
COMMENT ON COLUMN samia.security_events.user_id IS 'Person concerned, if one is.';
COMMENT ON COLUMN samia.security_events.event_type IS 'What happened, such as login_failure.';
COMMENT ON COLUMN samia.security_events.severity IS 'low, medium, high or critical.';
COMMENT ON COLUMN samia.security_events.description IS
'What happened, in words.

Personal data: ''erased'' after erasure.';
COMMENT ON COLUMN samia.security_events.ip_address IS
'Address it came from.

Personal data: null after erasure.';
COMMENT ON COLUMN samia.security_events.user_agent IS
'Program it came from.

Personal data: null after erasure.';
COMMENT ON COLUMN samia.security_events.geolocation IS
'Where that is thought to be.

Personal data: null after erasure.';
COMMENT ON COLUMN samia.security_events.detection_method IS 'manual, automated or ai.';
COMMENT ON COLUMN samia.security_events.confidence_score IS
'How sure the detection is, from 0 to 1.';
COMMENT ON COLUMN samia.security_events.status IS
'open, investigating, resolved or false_positive.';
COMMENT ON COLUMN samia.security_events.assigned_to IS 'Person who looks into it.';
COMMENT ON COLUMN samia.security_events.resolution_notes IS 'What was found and done.';
COMMENT ON COLUMN samia.security_events."timestamp" IS 'When it happened.';
COMMENT ON COLUMN samia.security_events.resolved_at IS 'When it was resolved or dismissed.';

ALTER TABLE samia.security_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE samia.security_events FORCE ROW LEVEL SECURITY;

-- policies

-- Monitors and admins read every row.
CREATE POLICY select_ops ON samia.security_events FOR SELECT TO authenticated
    USING ((SELECT samia.actor_role()) IN ('monitor', 'admin', 'super_admin'));

-- Projectors write; the owner's helpers look in.
CREATE POLICY projector_all ON samia.security_events FOR ALL TO projector
    USING (true) WITH CHECK (true);
CREATE POLICY owner_select ON samia.security_events FOR SELECT TO annals_owner
    USING (true);

REVOKE ALL ON samia.security_events FROM PUBLIC, anon, authenticated;
GRANT SELECT ON samia.security_events TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON samia.security_events TO projector;
