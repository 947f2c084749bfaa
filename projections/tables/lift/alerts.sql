-- updated_at is added (F065). Which status follows which is a rule on commands (F061).

CREATE TABLE lift.alerts (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    child_id uuid NOT NULL,
    alert_type text NOT NULL,
    severity text NOT NULL,
    title text NOT NULL,
    description text NOT NULL,
    trigger_data jsonb,
    session_id uuid,
    response_id uuid,
    status text NOT NULL DEFAULT 'unread',
    acknowledged_by uuid,
    acknowledged_at timestamp with time zone,
    resolved_by uuid,
    resolved_at timestamp with time zone,
    resolution_notes text,
    created_at timestamp with time zone NOT NULL DEFAULT now(),
    updated_at timestamp with time zone NOT NULL DEFAULT now(),
    CONSTRAINT alerts_pkey PRIMARY KEY (id),
    CONSTRAINT alerts_child_id_fkey FOREIGN KEY (child_id)
        REFERENCES lift.children (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT alerts_session_id_fkey FOREIGN KEY (session_id)
        REFERENCES lift.wellbeing_sessions (id) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT alerts_response_id_fkey FOREIGN KEY (response_id)
        REFERENCES lift.wellbeing_responses (id) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT alerts_acknowledged_by_fkey FOREIGN KEY (acknowledged_by)
        REFERENCES lift.profiles (id) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT alerts_resolved_by_fkey FOREIGN KEY (resolved_by)
        REFERENCES lift.profiles (id) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT alerts_alert_type_check CHECK (alert_type IN (
        'safeguarding', 'wellbeing_decline', 'engagement_drop', 'positive_change'
    )),
    CONSTRAINT alerts_severity_check CHECK (severity IN ('low', 'medium', 'high', 'urgent')),
    CONSTRAINT alerts_status_check
        CHECK (status IN ('unread', 'acknowledged', 'resolved', 'escalated'))
);
ALTER TABLE lift.alerts OWNER TO annals_owner;

CREATE INDEX idx_alerts_child_status ON lift.alerts (child_id, status);
CREATE INDEX idx_alerts_severity_created ON lift.alerts (severity, created_at DESC);

COMMENT ON TABLE lift.alerts IS
'Concerns, and good news, raised by the system for staff to act on.

Goes from unread to acknowledged, perhaps escalated, to resolved. A child never sees an alert.';
COMMENT ON COLUMN lift.alerts.id IS 'The alert. From the event that raised it.';
COMMENT ON COLUMN lift.alerts.child_id IS 'Child the alert is about.';
COMMENT ON COLUMN lift.alerts.alert_type IS
'safeguarding, wellbeing_decline, engagement_drop or positive_change.';
COMMENT ON COLUMN lift.alerts.severity IS 'low, medium, high or urgent.';
COMMENT ON COLUMN lift.alerts.title IS
'What happened, in a line.

Personal data: gone with its row after erasure.';
COMMENT ON COLUMN lift.alerts.description IS
'What happened, in full.

Personal data: gone with its row after erasure.';
COMMENT ON COLUMN lift.alerts.trigger_data IS
'Figures and flags that raised the alert.

Personal data: gone with its row after erasure.';
COMMENT ON COLUMN lift.alerts.session_id IS 'Session that raised it, if one did.';
COMMENT ON COLUMN lift.alerts.response_id IS 'Answer that raised it, if one did.';
COMMENT ON COLUMN lift.alerts.status IS
'unread, acknowledged, escalated or resolved; resolved is final.';
COMMENT ON COLUMN lift.alerts.acknowledged_by IS 'Member of staff who took note of it.';
COMMENT ON COLUMN lift.alerts.acknowledged_at IS 'When it was acknowledged.';
COMMENT ON COLUMN lift.alerts.resolved_by IS 'Member of staff who closed it.';
COMMENT ON COLUMN lift.alerts.resolved_at IS 'When it was resolved.';
COMMENT ON COLUMN lift.alerts.resolution_notes IS
'What was done, in the words of whoever resolved it.

Personal data: gone with its row after erasure.';
COMMENT ON COLUMN lift.alerts.created_at IS 'When it was raised. Time of its first event.';
COMMENT ON COLUMN lift.alerts.updated_at IS 'When the row last changed. Time of the latest event.';

ALTER TABLE lift.alerts ENABLE ROW LEVEL SECURITY;
ALTER TABLE lift.alerts FORCE ROW LEVEL SECURITY;

-- policies

-- Staff read what belongs to the children of their organisation.
CREATE POLICY select_staff ON lift.alerts FOR SELECT TO authenticated
    USING (
        (SELECT lift.actor_role()) IN ('Practitioner', 'GroupContact')
        AND child_id = ANY ((SELECT lift.actor_children())::uuid[])
    );

-- Account reads every row. Said as a range, so that indexes can answer all of the policies
-- together.
CREATE POLICY select_account ON lift.alerts FOR SELECT TO authenticated
    USING (
        child_id BETWEEN (SELECT lift.first_for_account())
            AND 'ffffffff-ffff-ffff-ffff-ffffffffffff'
    );

-- Projectors write; the owner's helpers look in.
CREATE POLICY projector_all ON lift.alerts FOR ALL TO projector
    USING (true) WITH CHECK (true);
CREATE POLICY owner_select ON lift.alerts FOR SELECT TO annals_owner
    USING (true);

REVOKE ALL ON lift.alerts FROM PUBLIC, anon, authenticated;
GRANT SELECT ON lift.alerts TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON lift.alerts TO projector;
