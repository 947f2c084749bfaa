-- What policies ask about the organization in force, and how daily records get their months.
--
-- Each question runs with its owner's rights, so that asking does not come back to the policy
-- that asks (F001); the owner reads through the policy owner_select (F002).
-- Bodies are parsed when they are made, so they follow their tables through a change of schema name.
--
-- Lists are asked for once in a query and looked up in an index; a question about a row, such as
-- those with a uuid as argument, would be asked for each row of a table.

CREATE FUNCTION carenotes.scope_org_id() RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = ''
BEGIN ATOMIC
    SELECT CASE
        WHEN asked.subject IS NOT NULL THEN (
            SELECT u.organization_id
            FROM carenotes.users u
            WHERE u.id = asked.subject
                AND u.role IS DISTINCT FROM 'removed'
                AND (asked.setting IS NULL OR asked.setting = u.organization_id::text)
        )
        WHEN asked.setting ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN asked.setting::uuid
    END
    FROM (
        SELECT
            auth.uid() AS subject,
            CASE WHEN EXISTS (SELECT FROM annals.claim_setters c WHERE c.login = session_user)
                THEN lower(nullif(current_setting('app.current_org_id', true), ''))
            END AS setting
    ) asked;
END;
ALTER FUNCTION carenotes.scope_org_id() OWNER TO annals_owner;
REVOKE ALL ON FUNCTION carenotes.scope_org_id() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION carenotes.scope_org_id() TO authenticated;
COMMENT ON FUNCTION carenotes.scope_org_id() IS
'Organization in force. With a signed-in person it is that person''s, unless they were removed or
app.current_org_id names another; without one it is app.current_org_id, as services set it. Settings
are believed only from logins trusted to set them. Null in every other case, and never an error.';

CREATE FUNCTION carenotes.scope_facilities() RETURNS uuid[]
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = ''
BEGIN ATOMIC
    SELECT coalesce(array_agg(f.id), '{}')
    FROM carenotes.facilities f
    WHERE f.organization_id = carenotes.scope_org_id();
END;
ALTER FUNCTION carenotes.scope_facilities() OWNER TO annals_owner;
REVOKE ALL ON FUNCTION carenotes.scope_facilities() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION carenotes.scope_facilities() TO authenticated;
COMMENT ON FUNCTION carenotes.scope_facilities() IS
'Facilities of the organization in force.';

CREATE FUNCTION carenotes.scope_residents() RETURNS uuid[]
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = ''
BEGIN ATOMIC
    SELECT coalesce(array_agg(r.id), '{}')
    FROM carenotes.residents r
    WHERE r.facility_id = ANY (carenotes.scope_facilities());
END;
ALTER FUNCTION carenotes.scope_residents() OWNER TO annals_owner;
REVOKE ALL ON FUNCTION carenotes.scope_residents() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION carenotes.scope_residents() TO authenticated;
COMMENT ON FUNCTION carenotes.scope_residents() IS
'Residents of the organization in force.';

CREATE FUNCTION carenotes.facility_in_scope(facility uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = ''
BEGIN ATOMIC
    SELECT EXISTS (
        SELECT
        FROM carenotes.facilities f
        WHERE f.id = facility AND f.organization_id = carenotes.scope_org_id()
    );
END;
ALTER FUNCTION carenotes.facility_in_scope(uuid) OWNER TO annals_owner;
REVOKE ALL ON FUNCTION carenotes.facility_in_scope(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION carenotes.facility_in_scope(uuid) TO authenticated;
COMMENT ON FUNCTION carenotes.facility_in_scope(uuid) IS
'Whether a facility belongs to the organization in force.';

CREATE FUNCTION carenotes.resident_in_scope(resident uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE SET search_path = ''
BEGIN ATOMIC
    SELECT EXISTS (
        SELECT
        FROM carenotes.residents r
        WHERE r.id = resident AND carenotes.facility_in_scope(r.facility_id)
    );
END;
ALTER FUNCTION carenotes.resident_in_scope(uuid) OWNER TO annals_owner;
REVOKE ALL ON FUNCTION carenotes.resident_in_scope(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION carenotes.resident_in_scope(uuid) TO authenticated;
COMMENT ON FUNCTION carenotes.resident_in_scope(uuid) IS
'Whether a resident''s facility belongs to the organization in force.';

-- Makes a month's partition of a table that is partitioned by day. Attaching a table that stands by
-- itself, instead of making a partition outright, lets readers of the other months go on. Two
-- callers at once wait for each other on the month's lock, and the second finds the work done.
CREATE FUNCTION carenotes.make_month(parent regclass, day date) RETURNS void
LANGUAGE plpgsql SET search_path = ''
AS $$
DECLARE
    month    date := date_trunc('month', day::timestamp);
    schema   oid;
    home     name;
    original name;
    made     name;
BEGIN
    SELECT n.oid, n.nspname, c.relname, c.relname || to_char(month, '"_y"YYYY"m"MM')
    INTO schema, home, original, made
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid = parent;
    -- Read from the catalogue itself: to_regclass would answer from what was known before the wait.
    PERFORM FROM pg_catalog.pg_class c WHERE c.relnamespace = schema AND c.relname = made;
    IF FOUND THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended(format('%I.%I', home, made), 0));
    PERFORM FROM pg_catalog.pg_class c WHERE c.relnamespace = schema AND c.relname = made;
    IF FOUND THEN
        RETURN;
    END IF;
    EXECUTE format(
        'CREATE TABLE %1$I.%2$I ('
        'LIKE %1$I.%3$I INCLUDING DEFAULTS INCLUDING INDEXES INCLUDING COMMENTS) WITH ('
        'autovacuum_vacuum_threshold = 1000, autovacuum_analyze_threshold = 1000, '
        'autovacuum_vacuum_scale_factor = 0.2)',
        home, made, original);
    EXECUTE format(
        'ALTER TABLE %I.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', home, made);
    EXECUTE format('REVOKE ALL ON %I.%I FROM PUBLIC, anon, authenticated', home, made);
    EXECUTE format('COMMENT ON TABLE %I.%I IS %L', home, made,
        format('%s of %s. Read through %s only.', original, to_char(month, 'YYYY-MM'), original));
    EXECUTE format(
        'ALTER TABLE %1$I.%3$I ATTACH PARTITION %1$I.%2$I FOR VALUES FROM (%4$L) TO (%5$L)',
        home, made, original, month, (month + interval '1 month')::date);
END;
$$;
ALTER FUNCTION carenotes.make_month(regclass, date) OWNER TO annals_owner;
REVOKE ALL ON FUNCTION carenotes.make_month(regclass, date) FROM PUBLIC;
COMMENT ON FUNCTION carenotes.make_month(regclass, date) IS
'Makes a month''s partition, if it is missing. For ensure_daily_records_partition.';

CREATE FUNCTION carenotes.ensure_daily_records_partition(day date) RETURNS void
LANGUAGE sql VOLATILE STRICT SECURITY DEFINER SET search_path = ''
BEGIN ATOMIC
    -- The table by its row type and not by a name in a string, which would not follow a rename.
    SELECT carenotes.make_month(t.typrelid::regclass, day)
    FROM pg_catalog.pg_type t
    WHERE t.oid = pg_typeof(NULL::carenotes.daily_records);
END;
ALTER FUNCTION carenotes.ensure_daily_records_partition(date) OWNER TO annals_owner;
REVOKE ALL ON FUNCTION carenotes.ensure_daily_records_partition(date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION carenotes.ensure_daily_records_partition(date) TO projector;
COMMENT ON FUNCTION carenotes.ensure_daily_records_partition(date) IS
'Makes the partition of daily_records for the month of a day, if it is missing.';
