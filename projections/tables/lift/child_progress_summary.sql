-- The document joins sessions, stickers and alerts side by side, which multiplies every count
-- (F050), and reads with its owner's rights (F008). Here each table is counted by itself, and
-- rows are those that the reader's own policies show. A session without a subject, such as an
-- operator's, passes the view's own condition and is left to the policies.

CREATE VIEW lift.child_progress_summary WITH (security_invoker = true) AS
SELECT
    c.id,
    c.first_name,
    c.org_id,
    s.total_sessions,
    s.completed_sessions,
    s.average_mood,
    k.total_stickers,
    s.last_session_date,
    a.urgent_alerts
FROM lift.children c
CROSS JOIN LATERAL (
    SELECT
        count(*) AS total_sessions,
        count(*) FILTER (WHERE w.status = 'completed') AS completed_sessions,
        avg(w.overall_mood) AS average_mood,
        max(w.completed_at) AS last_session_date
    FROM lift.wellbeing_sessions w
    WHERE w.child_id = c.id
) s
CROSS JOIN LATERAL (
    SELECT count(*) AS total_stickers
    FROM lift.stickers_earned e
    WHERE e.child_id = c.id
) k
CROSS JOIN LATERAL (
    SELECT count(*) AS urgent_alerts
    FROM lift.alerts l
    WHERE l.child_id = c.id AND l.severity IN ('high', 'urgent') AND l.status = 'unread'
) a
WHERE c.deleted_at IS NULL
    AND (
        (SELECT auth.uid()) IS NULL
        OR (SELECT lift.actor_role()) IN ('Practitioner', 'GroupContact', 'Account')
    );
ALTER VIEW lift.child_progress_summary OWNER TO annals_owner;

COMMENT ON VIEW lift.child_progress_summary IS
'Progress of each child: sessions, moods, stickers and open urgent alerts.

For staff of the child''s organisation and Account; never for a child. Figures are counted each over
its own table.';
COMMENT ON COLUMN lift.child_progress_summary.id IS 'The child.';
COMMENT ON COLUMN lift.child_progress_summary.first_name IS 'First name of the child.';
COMMENT ON COLUMN lift.child_progress_summary.org_id IS 'Organisation of the child.';
COMMENT ON COLUMN lift.child_progress_summary.total_sessions IS
'Number of sessions of whatever status.';
COMMENT ON COLUMN lift.child_progress_summary.completed_sessions IS 'Number of sessions completed.';
COMMENT ON COLUMN lift.child_progress_summary.average_mood IS
'Mean of the moods given, from 1 to 5; null if none was.';
COMMENT ON COLUMN lift.child_progress_summary.total_stickers IS 'Number of stickers earned.';
COMMENT ON COLUMN lift.child_progress_summary.last_session_date IS
'When the child last completed a session.';
COMMENT ON COLUMN lift.child_progress_summary.urgent_alerts IS
'Number of unread alerts of severity high or urgent.';

REVOKE ALL ON lift.child_progress_summary FROM PUBLIC, anon, authenticated;
GRANT SELECT ON lift.child_progress_summary TO authenticated;
