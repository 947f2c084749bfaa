-- Written from events and refusals by the projector alone, with personal values redacted (F123).

CREATE TABLE samia.audit_logs (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    user_id uuid,
    action character varying(100) NOT NULL,
    resource_type character varying(100),
    resource_id uuid,
    ip_address inet,
    user_agent text,
    request_method character varying(10),
    request_path text,
    old_values jsonb,
    new_values jsonb,
    success boolean DEFAULT true,
    error_message text,
    metadata jsonb DEFAULT '{}',
    "timestamp" timestamp with time zone DEFAULT now(),
    CONSTRAINT audit_logs_pkey PRIMARY KEY (id),
    CONSTRAINT audit_logs_user_id_fkey FOREIGN KEY (user_id)
        REFERENCES samia.users (id) DEFERRABLE INITIALLY DEFERRED
);
ALTER TABLE samia.audit_logs OWNER TO annals_owner;

CREATE INDEX idx_audit_logs_user ON samia.audit_logs (user_id);
CREATE INDEX idx_audit_logs_action ON samia.audit_logs (action);
CREATE INDEX idx_audit_logs_timestamp ON samia.audit_logs ("timestamp");
CREATE INDEX idx_audit_logs_resource ON samia.audit_logs (resource_type, resource_id);

COMMENT ON TABLE samia.audit_logs IS
'Actions, accepted or refused.

One row per event and per refused command. Personal values appear by name only, as [redacted].';
COMMENT ON COLUMN samia.audit_logs.id IS 'The entry, made from the event it tells of.';
COMMENT ON COLUMN samia.audit_logs.user_id IS
'Person who acted; null for the system and when unknown.';
COMMENT ON COLUMN samia.audit_logs.action IS 'What was done or tried.';
COMMENT ON COLUMN samia.audit_logs.resource_type IS 'Kind of thing acted upon.';
COMMENT ON COLUMN samia.audit_logs.resource_id IS 'Which one.';
COMMENT ON COLUMN samia.audit_logs.ip_address IS
'Address the request came from.

Personal data: null after erasure.';
COMMENT ON COLUMN samia.audit_logs.user_agent IS
'Program the request came from.

Personal data: null after erasure.';
COMMENT ON COLUMN samia.audit_logs.request_method IS 'Method of the request.';
COMMENT ON COLUMN samia.audit_logs.request_path IS 'Path of the request.';
COMMENT ON COLUMN samia.audit_logs.old_values IS
'Values before, personal ones redacted.

Personal data: null after erasure.';
COMMENT ON COLUMN samia.audit_logs.new_values IS
'Values after, personal ones redacted.

Personal data: null after erasure.';
COMMENT ON COLUMN samia.audit_logs.success IS 'Whether it was accepted.';
COMMENT ON COLUMN samia.audit_logs.error_message IS 'Name of the refusal; null when accepted.';
COMMENT ON COLUMN samia.audit_logs.metadata IS 'Further facts by name.';
COMMENT ON COLUMN samia.audit_logs."timestamp" IS 'When it was done or refused.';

ALTER TABLE samia.audit_logs ENABLE ROW LEVEL SECURITY;
ALTER TABLE samia.audit_logs FORCE ROW LEVEL SECURITY;

-- policies

-- Admins read every row.
CREATE POLICY select_admin ON samia.audit_logs FOR SELECT TO authenticated
    USING ((SELECT samia.actor_role()) IN ('admin', 'super_admin'));

-- Projectors write; the owner's helpers look in.
CREATE POLICY projector_all ON samia.audit_logs FOR ALL TO projector
    USING (true) WITH CHECK (true);
CREATE POLICY owner_select ON samia.audit_logs FOR SELECT TO annals_owner
    USING (true);

REVOKE ALL ON samia.audit_logs FROM PUBLIC, anon, authenticated;
GRANT SELECT ON samia.audit_logs TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON samia.audit_logs TO projector;
