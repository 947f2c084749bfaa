-- The document counts people who are inactive, multiplies rows by its joins, takes the month
-- from the session's time zone and reads with its owner's rights (F008, F043, F051, F052). Here
-- each table is counted by itself under the reader's own policies. A Practitioner sees no
-- profile but the own and would get wrong figures, so the view is for GroupContact and Account;
-- a session without a subject, such as an operator's, is left to the policies.

CREATE VIEW lift.organization_usage_stats WITH (security_invoker = true) AS
SELECT
    o.id,
    o.name,
    c.active_children,
    p.active_practitioners,
    s.total_sessions_this_month,
    s.average_mood_this_month
FROM lift.organisations o
CROSS JOIN LATERAL (
    SELECT count(*) AS active_children
    FROM lift.children k
    JOIN lift.profiles m ON m.id = k.id
    WHERE k.org_id = o.id AND k.deleted_at IS NULL
        AND m.status = 'active' AND m.deleted_at IS NULL
) c
CROSS JOIN LATERAL (
    SELECT count(*) AS active_practitioners
    FROM lift.profiles m
    WHERE m.org_id = o.id AND m.role IN ('Practitioner', 'GroupContact')
        AND m.status = 'active' AND m.deleted_at IS NULL
) p
CROSS JOIN LATERAL (
    SELECT
        count(*) AS total_sessions_this_month,
        avg(w.overall_mood) AS average_mood_this_month
    FROM lift.wellbeing_sessions w
    JOIN lift.children k ON k.id = w.child_id
    WHERE k.org_id = o.id AND k.deleted_at IS NULL
        AND w.created_at >= date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'
) s
WHERE o.deleted_at IS NULL
    AND (
        (SELECT auth.uid()) IS NULL
        OR (SELECT lift.actor_role()) IN ('GroupContact', 'Account')
    );
ALTER VIEW lift.organization_usage_stats OWNER TO annals_owner;

COMMENT ON VIEW lift.organization_usage_stats IS
'Use of the platform by each organisation.

For a GroupContact the own organisation, for Account all. The month is the calendar month in UTC.';
COMMENT ON COLUMN lift.organization_usage_stats.id IS 'The organisation.';
COMMENT ON COLUMN lift.organization_usage_stats.name IS 'Name of the organisation.';
COMMENT ON COLUMN lift.organization_usage_stats.active_children IS
'Number of children who are active and not archived.';
COMMENT ON COLUMN lift.organization_usage_stats.active_practitioners IS
'Number of active Practitioners and GroupContacts.';
COMMENT ON COLUMN lift.organization_usage_stats.total_sessions_this_month IS
'Number of sessions begun this month, of whatever status.';
COMMENT ON COLUMN lift.organization_usage_stats.average_mood_this_month IS
'Mean of the moods given in them, from 1 to 5; null if none was.';

REVOKE ALL ON lift.organization_usage_stats FROM PUBLIC, anon, authenticated;
GRANT SELECT ON lift.organization_usage_stats TO authenticated;
