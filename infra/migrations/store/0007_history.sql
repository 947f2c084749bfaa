-- The past of the read models: every version of every row, and the tables as they were.
SET LOCAL ROLE annals_owner;

ALTER TABLE annals.projections ADD COLUMN history boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN annals.projections.history IS 'Whether the history tables hold every version up to the position; false where they were switched off since, until a rebuild fills them.';

-- The position of the last event that was recorded at an instant or before. Times never go back, so
-- halving finds it by the positions' own index.
CREATE FUNCTION annals.position_at(instant timestamptz) RETURNS bigint
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    low bigint := 0;
    high bigint;
    middle bigint;
    last timestamptz;
BEGIN
    SELECT head.position, head.recorded_at INTO high, last FROM annals.head;
    IF last <= instant THEN
        RETURN high;
    END IF;
    WHILE low < high LOOP
        middle := (low + high + 1) / 2;
        SELECT event.recorded_at INTO last FROM annals.events AS event WHERE event.position = middle;
        IF last <= instant THEN
            low := middle;
        ELSE
            high := middle - 1;
        END IF;
    END LOOP;
    RETURN low;
END
$$;
COMMENT ON FUNCTION annals.position_at IS 'The position of the last event recorded at this instant or before it; 0 before the first.';

-- What the setting annals.as_of says, as a position: a whole number is one, anything else an instant.
CREATE FUNCTION annals.as_of(context text) RETURNS bigint
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    said text := nullif(current_setting('annals.as_of', true), '');
    known record;
    wanted bigint;
    last bigint;
BEGIN
    SELECT p.history, p.position INTO known FROM annals.projections AS p WHERE p.name = context;
    IF NOT FOUND OR NOT (known.history OR known.position = 0) THEN
        RAISE EXCEPTION 'the past of % is not kept', context
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = format('Name it in ANNALS_HISTORY and run `annals rebuild %s`.', context);
    END IF;
    IF said IS NULL THEN
        RETURN 9223372036854775806;
    END IF;
    IF said !~ '^[0-9]{1,18}$' THEN
        RETURN annals.position_at(said::timestamptz);
    END IF;
    wanted := said::bigint;
    SELECT head.position INTO last FROM annals.head;
    IF wanted > last THEN
        RAISE EXCEPTION 'annals.as_of is %, and the log ends at position %', wanted, last
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN wanted;
END
$$;
COMMENT ON FUNCTION annals.as_of IS 'The position that the setting annals.as_of means: a position, an instant, or the present where it is not set. Refuses for a context whose past is not kept.';

-- The instant that the setting annals.as_of means.
CREATE FUNCTION annals.as_of_instant() RETURNS timestamptz
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    said text := nullif(current_setting('annals.as_of', true), '');
BEGIN
    IF said IS NULL THEN
        RETURN now();
    END IF;
    IF said !~ '^[0-9]{1,18}$' THEN
        RETURN said::timestamptz;
    END IF;
    RETURN (SELECT event.recorded_at FROM annals.events AS event WHERE event.position = said::bigint);
END
$$;
COMMENT ON FUNCTION annals.as_of_instant IS 'The instant that the setting annals.as_of means; of a position, when its event was recorded.';

REVOKE ALL ON FUNCTION annals.position_at, annals.as_of, annals.as_of_instant FROM PUBLIC;
GRANT EXECUTE ON FUNCTION annals.position_at, annals.as_of, annals.as_of_instant
    TO authenticated, anon, projector, annals_auditor;

-- Makes the history tables of one read model, in a schema beside it, and the views through which they
-- are read as of an instant, in another. All of it follows from the live tables as they stand: their
-- columns, indexes, policies and grants. `keys` names each table's key: {"alerts": ["id"], …}.
--
-- Who may read a past row? The documented policies are asked twice, each time with the reader's rights
-- of today: of the row as it was, and (policy seen_now) of the row as it is. Rights of the past would
-- let a dismissed person read on by naming a day on which they were still employed, and would keep a
-- child's new practitioner from what happened before. So the past is never more open than the present:
-- what went to another tenant, was archived, redacted or removed since is closed to whoever could not
-- see it today.
CREATE FUNCTION annals.build_history(context text, live text, keys jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = '' AS $$
DECLARE
    past text := live || '_history';
    views text := live || '_as_of';
    own text := 'annals_from, annals_from_at, annals_event, annals_to, annals_to_at';
    item record;
    part record;
    source regclass;
    key text[];
    columns text;
    readers text;
BEGIN
    EXECUTE format('CREATE SCHEMA %I', past);
    EXECUTE format('CREATE SCHEMA %I', views);
    FOR part IN
        SELECT right_of.grantee::regrole::text AS reader FROM pg_catalog.pg_namespace AS space
        CROSS JOIN LATERAL aclexplode(space.nspacl) AS right_of
        WHERE space.nspname = live AND right_of.privilege_type = 'USAGE'
          AND right_of.grantee NOT IN (0, space.nspowner)
    LOOP
        EXECUTE format('GRANT USAGE ON SCHEMA %I, %I TO %s', past, views, part.reader);
    END LOOP;

    EXECUTE format('CREATE FUNCTION %I.position() RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE '
                   'BEGIN ATOMIC SELECT annals.as_of(%L); END', views, context);
    EXECUTE format('CREATE FUNCTION %I.instant() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE '
                   'BEGIN ATOMIC SELECT annals.as_of_instant(); END', views);
    EXECUTE format('REVOKE ALL ON FUNCTION %1$I.position(), %1$I.instant() FROM PUBLIC', views);
    EXECUTE format('GRANT EXECUTE ON FUNCTION %1$I.position(), %1$I.instant() '
                   'TO authenticated, anon, projector, annals_auditor', views);

    -- Helper functions speak of the reader, so they answer as they do today.
    FOR part IN
        SELECT function.proname AS name, function.oid::regprocedure AS signature,
               pg_get_function_arguments(function.oid) AS arguments,
               pg_get_function_identity_arguments(function.oid) AS identity,
               pg_get_function_result(function.oid) AS result,
               (SELECT coalesce(string_agg('$' || nth, ', '), '')
                FROM generate_series(1, function.pronargs) AS nth) AS given,
               (SELECT string_agg(DISTINCT right_of.grantee::regrole::text, ', ')
                FROM aclexplode(function.proacl) AS right_of
                WHERE right_of.grantee IN ('authenticated'::regrole, 'anon'::regrole)) AS callers
        FROM pg_catalog.pg_proc AS function
        WHERE function.pronamespace = live::regnamespace AND function.prokind = 'f'
    LOOP
        CONTINUE WHEN part.callers IS NULL;
        EXECUTE format('CREATE FUNCTION %I.%I(%s) RETURNS %s LANGUAGE sql STABLE PARALLEL SAFE '
                       'BEGIN ATOMIC SELECT %I.%I(%s); END', views, part.name, part.arguments,
                       part.result, live, part.name, part.given);
        EXECUTE format('REVOKE ALL ON FUNCTION %I.%I(%s) FROM PUBLIC', views, part.name, part.identity);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %I.%I(%s) TO %s', views, part.name, part.identity,
                       part.callers);
    END LOOP;

    FOR item IN SELECT entry.key AS name, entry.value AS key FROM jsonb_each(keys) AS entry LOOP
        source := format('%I.%I', live, item.name)::regclass;
        SELECT array_agg(value ORDER BY nth) INTO key
        FROM jsonb_array_elements_text(item.key) WITH ORDINALITY AS part_of (value, nth);
        SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO columns
        FROM pg_catalog.pg_attribute WHERE attrelid = source AND attnum > 0 AND NOT attisdropped;

        -- Room on each page, so that closing a version writes no index entry.
        EXECUTE format(
            'CREATE TABLE %1$I.%2$I (LIKE %3$s, annals_from bigint NOT NULL, '
            'annals_from_at timestamptz NOT NULL, annals_event uuid NOT NULL, '
            'annals_to bigint NOT NULL, annals_to_at timestamptz NOT NULL, '
            'CONSTRAINT %4$I PRIMARY KEY (%5$s, annals_from)) WITH (fillfactor = 80)',
            past, item.name, source, item.name || '_versions_pkey',
            (SELECT string_agg(quote_ident(name), ', ') FROM unnest(key) AS name));
        EXECUTE format('COMMENT ON TABLE %I.%I IS %L', past, item.name, format(
            'Every version of every row of %s.%s, with the event that made it (annals_event, at '
            'position annals_from) and the position at which it ended.', context, item.name));
        FOR part IN
            SELECT regexp_replace(regexp_replace(pg_get_indexdef(index.indexrelid),
                       '^CREATE UNIQUE INDEX', 'CREATE INDEX'),
                   ' ON (ONLY )?[^ ]+ USING ', format(' ON %I.%I USING ', past, item.name)) AS sql
            FROM pg_catalog.pg_index AS index
            JOIN pg_catalog.pg_class AS kind ON kind.oid = index.indexrelid
            JOIN pg_catalog.pg_am AS method ON method.oid = kind.relam AND method.amname = 'btree'
            WHERE index.indrelid = source AND (
                SELECT array_agg(attribute.attname::text ORDER BY place.nth)
                FROM unnest(index.indkey) WITH ORDINALITY AS place (number, nth)
                LEFT JOIN pg_catalog.pg_attribute AS attribute
                  ON attribute.attrelid = source AND attribute.attnum = place.number
            ) IS DISTINCT FROM key
        LOOP
            EXECUTE part.sql;
        END LOOP;

        -- A row as it is before anything is said of its columns.
        EXECUTE format('CREATE FUNCTION %1$I.%2$I() RETURNS %3$s LANGUAGE sql STABLE '
                       'BEGIN ATOMIC SELECT ROW(%4$s)::%3$s; END', past, 'new_' || item.name, source, (
            SELECT string_agg(format('(%s)::%s', coalesce(pg_get_expr(preset.adbin, preset.adrelid), 'NULL'),
                                     format_type(attribute.atttypid, attribute.atttypmod)),
                              ', ' ORDER BY attribute.attnum)
            FROM pg_catalog.pg_attribute AS attribute
            LEFT JOIN pg_catalog.pg_attrdef AS preset
              ON preset.adrelid = attribute.attrelid AND preset.adnum = attribute.attnum
            WHERE attribute.attrelid = source AND attribute.attnum > 0 AND NOT attribute.attisdropped));
        EXECUTE format('REVOKE ALL ON FUNCTION %I.%I() FROM PUBLIC', past, 'new_' || item.name);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %I.%I() TO projector', past, 'new_' || item.name);

        EXECUTE format('ALTER TABLE %1$I.%2$I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY',
                       past, item.name);
        FOR part IN
            SELECT policy.polname AS name,
                   CASE WHEN policy.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END AS kind,
                   CASE policy.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT'
                        WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END AS command,
                   (SELECT string_agg(CASE role WHEN 0 THEN 'PUBLIC' ELSE role::regrole::text END, ', ')
                    FROM unnest(policy.polroles) AS role) AS roles,
                   pg_get_expr(policy.polqual, policy.polrelid) AS visible,
                   pg_get_expr(policy.polwithcheck, policy.polrelid) AS allowed
            FROM pg_catalog.pg_policy AS policy WHERE policy.polrelid = source
        LOOP
            EXECUTE format('CREATE POLICY %I ON %I.%I AS %s FOR %s TO %s%s%s', part.name, past,
                item.name, part.kind, part.command, part.roles,
                coalesce(' USING (' || part.visible || ')', ''),
                coalesce(' WITH CHECK (' || part.allowed || ')', ''));
        END LOOP;

        EXECUTE format('CREATE VIEW %1$I.%2$I WITH (security_invoker = true) AS SELECT %3$s '
                       'FROM %4$I.%2$I WHERE annals_from <= (SELECT %1$I.position()) '
                       'AND annals_to > (SELECT %1$I.position())', views, item.name, columns, past);
        EXECUTE format('COMMENT ON VIEW %I.%I IS %L', views, item.name, format(
            '%s.%s as it was at the instant or position of the setting annals.as_of.',
            context, item.name));

        -- Whoever may read the table may read its past, column by column, and nobody else.
        readers := NULL;
        FOR part IN
            SELECT right_of.grantee::regrole::text AS reader, NULL AS columns
            FROM pg_catalog.pg_class AS class CROSS JOIN LATERAL aclexplode(class.relacl) AS right_of
            WHERE class.oid = source AND right_of.privilege_type = 'SELECT'
              AND right_of.grantee NOT IN (0, class.relowner, 'projector'::regrole)
            UNION ALL
            SELECT right_of.grantee::regrole::text,
                   string_agg(quote_ident(attribute.attname), ', ' ORDER BY attribute.attnum)
            FROM pg_catalog.pg_attribute AS attribute
            CROSS JOIN LATERAL aclexplode(attribute.attacl) AS right_of
            WHERE attribute.attrelid = source AND right_of.privilege_type = 'SELECT'
              AND right_of.grantee NOT IN (0, 'projector'::regrole)
            GROUP BY 1
        LOOP
            readers := concat_ws(', ', readers, part.reader);
            IF part.columns IS NULL THEN
                EXECUTE format('GRANT SELECT ON %I.%I TO %s', past, item.name, part.reader);
                EXECUTE format('GRANT SELECT ON %I.%I TO %s', views, item.name, part.reader);
            ELSE
                EXECUTE format('GRANT SELECT (%s, %s) ON %I.%I TO %s', part.columns, own, past,
                               item.name, part.reader);
                EXECUTE format('GRANT SELECT (%s) ON %I.%I TO %s', part.columns, views, item.name,
                               part.reader);
            END IF;
        END LOOP;
        IF readers IS NOT NULL THEN
            EXECUTE format('CREATE POLICY seen_now ON %I.%I AS RESTRICTIVE FOR SELECT TO %s '
                           'USING (EXISTS (SELECT FROM %s AS present WHERE %s))', past, item.name,
                           readers, source, (
                SELECT string_agg(format('present.%1$I = %2$I.%1$I', name, item.name), ' AND ')
                FROM unnest(key) AS name));
        END IF;
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON %I.%I TO projector', past,
                       item.name);
        EXECUTE format('GRANT SELECT ON %I.%I TO projector', views, item.name);
    END LOOP;
END
$$;
COMMENT ON FUNCTION annals.build_history IS 'Makes the history tables and the as-of views of a read model; what they are follows from its live tables.';

-- A view that reads with its owner's rights checks the reader by itself, of the row as it was. Of the
-- row as it is, the live view is asked.
CREATE FUNCTION annals.guard_as_of(live text) RETURNS void
LANGUAGE plpgsql SET search_path = '' AS $$
DECLARE
    views text := live || '_as_of';
    item record;
    part record;
BEGIN
    FOR item IN
        SELECT view.relname AS name FROM pg_catalog.pg_class AS view
        WHERE view.relnamespace = views::regnamespace AND view.relkind = 'v'
          AND NOT coalesce('security_invoker=true' = ANY (view.reloptions), false)
    LOOP
        EXECUTE format('REVOKE ALL ON %I.%I FROM PUBLIC, anon, authenticated', views, item.name);
        EXECUTE format('ALTER VIEW %I.%I RENAME TO %I', views, item.name, item.name || '_then');
        EXECUTE format('CREATE VIEW %1$I.%2$I WITH (security_barrier = true) AS SELECT past.* '
                       'FROM %1$I.%3$I AS past WHERE EXISTS (SELECT FROM %4$I.%2$I AS present '
                       'WHERE present.id = past.id)', views, item.name, item.name || '_then', live);
        FOR part IN
            SELECT right_of.grantee::regrole::text AS reader FROM pg_catalog.pg_class AS view
            CROSS JOIN LATERAL aclexplode(view.relacl) AS right_of
            WHERE view.oid = format('%I.%I', live, item.name)::regclass
              AND right_of.privilege_type = 'SELECT' AND right_of.grantee NOT IN (0, view.relowner)
        LOOP
            EXECUTE format('GRANT SELECT ON %I.%I TO %s', views, item.name, part.reader);
        END LOOP;
    END LOOP;
END
$$;
COMMENT ON FUNCTION annals.guard_as_of IS 'Has as-of views that read with their owner''s rights show no row that their live view does not show the reader.';

REVOKE ALL ON FUNCTION annals.build_history, annals.guard_as_of FROM PUBLIC;

RESET ROLE;
