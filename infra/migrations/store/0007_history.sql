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
-- are read as of an instant, in another; both schemas are there and empty. All of it follows from the live
-- tables as they stand: their columns, indexes, policies and grants. `keys` names each table's key: {"alerts": ["id"], …}.
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
    hidden text;
BEGIN
    -- Nobody but the projector reaches the history tables by name; readers do through the views.
    FOR part IN
        SELECT right_of.grantee::regrole::text AS reader FROM pg_catalog.pg_namespace AS space
        CROSS JOIN LATERAL aclexplode(space.nspacl) AS right_of
        WHERE space.nspname = live AND right_of.privilege_type = 'USAGE'
          AND right_of.grantee NOT IN (0, space.nspowner)
    LOOP
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %s', views, part.reader);
    END LOOP;
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO projector', past);

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

        -- A view names all of its columns, and who asks it needs a right to each of them. One that some
        -- reader of the table has no right to is therefore looked up by a function, which is called where
        -- the column is asked for, and there alone.
        columns := '';
        FOR part IN
            SELECT attribute.attname AS name,
                   format_type(attribute.atttypid, attribute.atttypmod) AS type,
                   string_agg(reader.name, ', ') FILTER (WHERE reader.may) AS allowed,
                   coalesce(bool_and(reader.may), true) AS open
            FROM pg_catalog.pg_attribute AS attribute
            LEFT JOIN LATERAL (
                SELECT role AS name, has_column_privilege(role, source, attribute.attnum, 'SELECT') AS may
                FROM unnest(ARRAY['authenticated', 'anon']) AS role
                WHERE has_any_column_privilege(role, source, 'SELECT')
            ) AS reader ON true
            WHERE attribute.attrelid = source AND attribute.attnum > 0 AND NOT attribute.attisdropped
            GROUP BY attribute.attnum, attribute.attname, attribute.atttypid, attribute.atttypmod
            ORDER BY attribute.attnum
        LOOP
            IF part.open THEN
                columns := concat_ws(', ', nullif(columns, ''), format('version.%I', part.name));
                CONTINUE;
            END IF;
            hidden := format('%I.%I', past, item.name || '_' || part.name);
            EXECUTE (
                SELECT format('CREATE FUNCTION %s(%s) RETURNS %s LANGUAGE sql STABLE PARALLEL SAFE '
                              'BEGIN ATOMIC SELECT known.%I FROM %I.%I AS known WHERE %s; END', hidden,
                              string_agg(format_type(attribute.atttypid, NULL), ', ' ORDER BY given.nth),
                              part.type, part.name, past, item.name,
                              string_agg(format('known.%I = $%s', given.name, given.nth), ' AND '))
                FROM unnest(key || ARRAY['annals_from']) WITH ORDINALITY AS given (name, nth)
                JOIN pg_catalog.pg_attribute AS attribute ON attribute.attname = given.name
                 AND attribute.attrelid = format('%I.%I', past, item.name)::regclass);
            EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', hidden);
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %s', hidden,
                           concat_ws(', ', 'projector', part.allowed));
            columns := concat_ws(', ', nullif(columns, ''), (
                SELECT format('%s(%s) AS %I', hidden, string_agg(format('version.%I', given.name), ', '
                                                                 ORDER BY given.nth), part.name)
                FROM unnest(key || ARRAY['annals_from']) WITH ORDINALITY AS given (name, nth)));
        END LOOP;
        EXECUTE format('CREATE VIEW %1$I.%2$I WITH (security_invoker = true) AS SELECT %3$s '
                       'FROM %4$I.%2$I AS version WHERE version.annals_from <= (SELECT %1$I.position()) '
                       'AND version.annals_to > (SELECT %1$I.position()) '
                       'AND (SELECT %1$I.position()) IS NOT NULL', views, item.name, columns, past);
        -- Views that run with their owner's rights read such columns from here; nobody else may.
        IF columns LIKE '%(%' THEN
            EXECUTE (
                SELECT format('CREATE VIEW %1$I.%2$I AS SELECT %3$s FROM %4$I.%5$I AS version '
                              'WHERE version.annals_from <= (SELECT %1$I.position()) '
                              'AND version.annals_to > (SELECT %1$I.position()) '
                              'AND (SELECT %1$I.position()) IS NOT NULL', views, item.name || '_whole',
                              string_agg(format('version.%I', attname), ', ' ORDER BY attnum), past,
                              item.name)
                FROM pg_catalog.pg_attribute
                WHERE attrelid = source AND attnum > 0 AND NOT attisdropped);
            EXECUTE format('COMMENT ON VIEW %I.%I IS %L', views, item.name || '_whole', format(
                '%s.%s with every column, for views that check the reader themselves. Granted to nobody.',
                views, item.name));
        END IF;
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
          AND EXISTS (SELECT FROM pg_catalog.pg_class AS present WHERE present.relname = view.relname
                      AND present.relnamespace = live::regnamespace AND present.relkind = 'v')
    LOOP
        -- One that reads no table of ours, such as statistics of the server, has no past.
        PERFORM FROM pg_catalog.pg_rewrite AS rule
        JOIN pg_catalog.pg_depend AS link ON link.objid = rule.oid
         AND link.classid = 'pg_catalog.pg_rewrite'::regclass
         AND link.refclassid = 'pg_catalog.pg_class'::regclass
        JOIN pg_catalog.pg_class AS used ON used.oid = link.refobjid
        WHERE rule.ev_class = format('%I.%I', views, item.name)::regclass
          AND used.oid <> rule.ev_class AND used.relnamespace = views::regnamespace;
        IF NOT FOUND THEN
            EXECUTE format('DROP VIEW %I.%I', views, item.name);
            CONTINUE;
        END IF;
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

-- The events that made a row, and which columns each of them changed: names alone, since an auditor has
-- no right to the rows. What the columns held is told by the events, whose personal fields are sealed.
CREATE FUNCTION annals.lineage(relation text, VARIADIC key text[])
RETURNS TABLE (
    "position" bigint, event_id uuid, event_type text, aggregate_type text, aggregate_id text,
    sequence bigint, recorded_at timestamptz, actor uuid, command text, did text, columns text[]
)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    context text := split_part(relation, '.', 1);
    name text := split_part(relation, '.', 2);
    past regclass := to_regclass(format('%I.%I', context || '_history', name));
    present regclass := to_regclass(format('%I.%I', context, name));
    found_by text;
BEGIN
    IF past IS NULL OR present IS NULL THEN
        RAISE EXCEPTION '% is no documented table', relation USING ERRCODE = 'undefined_table';
    END IF;
    IF NOT EXISTS (SELECT FROM annals.projections AS p WHERE p.name = context
                   AND (p.history OR p.position = 0)) THEN
        RAISE EXCEPTION 'the past of % is not kept', context
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = format('Name it in ANNALS_HISTORY and run `annals rebuild %s`.', context);
    END IF;
    -- The key by which events name the row, or else the table's primary key.
    FOR found_by IN
        SELECT string_agg(format('version.%I = $1[%s]::%s', attribute.attname, part.nth,
                                 format_type(attribute.atttypid, NULL)), ' AND ' ORDER BY part.nth)
        FROM pg_catalog.pg_index AS index
        CROSS JOIN LATERAL unnest(index.indkey) WITH ORDINALITY AS part (number, nth)
        JOIN pg_catalog.pg_attribute AS attribute
          ON attribute.attrelid = index.indrelid AND attribute.attnum = part.number
        WHERE index.indrelid IN (past, present) AND index.indisprimary
          AND attribute.attname <> 'annals_from'
        GROUP BY index.indrelid
        HAVING count(*) = array_length(key, 1)
        ORDER BY index.indrelid = past DESC
    LOOP
        RETURN QUERY EXECUTE format(
            'WITH version AS ('
            '    SELECT version.annals_from, version.annals_to, to_jsonb(version) - '
            '        ''{annals_from,annals_from_at,annals_event,annals_to,annals_to_at}''::text[] AS held '
            '    FROM %s AS version WHERE %s'
            '), step AS ('
            '    SELECT version.*, CASE WHEN lag(version.annals_to) OVER moves = version.annals_from '
            '                      THEN lag(version.held) OVER moves END AS before '
            '    FROM version WINDOW moves AS (ORDER BY version.annals_from)'
            '), done AS ('
            '    SELECT step.annals_from AS at, '
            '           CASE WHEN step.before IS NULL THEN ''made'' ELSE ''changed'' END AS did, '
            '           ARRAY(SELECT new.key FROM jsonb_each(step.held) AS new '
            '                 WHERE new.value <> coalesce(step.before -> new.key, ''null'') '
            '                 ORDER BY new.key) AS columns '
            '    FROM step '
            '    UNION ALL '
            '    SELECT gone.annals_to, ''removed'', ''{}'' FROM version AS gone '
            '    WHERE gone.annals_to < 9223372036854775807 AND NOT EXISTS ('
            '        SELECT FROM version AS next WHERE next.annals_from = gone.annals_to)'
            ') '
            'SELECT event.position, event.event_id, event.event_type, event.aggregate_type, '
            '       event.aggregate_id, event.sequence, event.recorded_at, '
            '       (event.metadata ->> ''actor'')::uuid, event.metadata ->> ''command'', '
            '       done.did, done.columns '
            'FROM done JOIN annals.events AS event ON event.position = done.at ORDER BY done.at',
            past, found_by) USING key;
        IF FOUND THEN
            RETURN;
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION annals.lineage IS 'The events that made a row of a documented table, what each did (made, changed, removed), and the columns it changed: annals.lineage(''lift.alerts'', ''<id>''). Columns hold nothing here.';

-- Each column's last change.
CREATE FUNCTION annals.column_lineage(relation text, VARIADIC key text[])
RETURNS TABLE (
    "column" text, "position" bigint, event_id uuid, event_type text, recorded_at timestamptz,
    actor uuid, command text
)
LANGUAGE sql STABLE SET search_path = ''
BEGIN ATOMIC
    WITH story AS (SELECT * FROM annals.lineage(relation, VARIADIC key))
    SELECT DISTINCT ON (part.name)
           part.name, story.position, story.event_id, story.event_type, story.recorded_at,
           story.actor, story.command
    FROM story CROSS JOIN LATERAL unnest(story.columns) AS part (name)
    WHERE story.position >= (SELECT max(made.position) FROM story AS made WHERE made.did = 'made')
    ORDER BY part.name, story.position DESC;
END;
COMMENT ON FUNCTION annals.column_lineage IS 'The event that last changed each column of a row, as annals.lineage tells it.';

-- The rows of a table that differ between two positions, by key, in the keys' order.
CREATE FUNCTION annals.changed_rows(
    relation text, from_position bigint, to_position bigint, after_key jsonb, most integer
)
RETURNS TABLE (key jsonb, did text, columns text[], positions bigint[])
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    context text := split_part(relation, '.', 1);
    past regclass := to_regclass(format('%I.%I', context || '_history', split_part(relation, '.', 2)));
    keys text;
BEGIN
    IF past IS NULL THEN
        RAISE EXCEPTION '% is no documented table', relation USING ERRCODE = 'undefined_table';
    END IF;
    PERFORM annals.as_of(context);
    SELECT string_agg(format('version.%I', attribute.attname), ', ' ORDER BY part.nth) INTO keys
    FROM pg_catalog.pg_index AS index
    CROSS JOIN LATERAL unnest(index.indkey) WITH ORDINALITY AS part (number, nth)
    JOIN pg_catalog.pg_attribute AS attribute
      ON attribute.attrelid = index.indrelid AND attribute.attnum = part.number
    WHERE index.indrelid = past AND index.indisprimary AND attribute.attname <> 'annals_from';
    RETURN QUERY EXECUTE format(
        'WITH touched AS ('
        '    SELECT %1$s, jsonb_build_array(%1$s) AS name, '
        '           array_agg(version.annals_from ORDER BY version.annals_from) '
        '               FILTER (WHERE version.annals_from > $1 AND version.annals_from <= $2) AS begun, '
        '           max(version.annals_to) FILTER (WHERE version.annals_to <= $2) AS ended '
        '    FROM %2$s AS version '
        '    WHERE version.annals_from > $1 AND version.annals_from <= $2 '
        '       OR version.annals_to > $1 AND version.annals_to <= $2 '
        '    GROUP BY %1$s '
        ') '
        'SELECT touched.name, '
        '       CASE WHEN old.held IS NULL THEN ''made'' WHEN new.held IS NULL THEN ''removed'' '
        '            ELSE ''changed'' END, '
        '       ARRAY(SELECT field.key FROM jsonb_each(new.held) AS field '
        '             WHERE field.value <> coalesce(old.held -> field.key, ''null'') ORDER BY 1), '
        '       CASE WHEN new.held IS NULL THEN coalesce(touched.begun, ''{}'') || touched.ended '
        '            ELSE touched.begun END '
        'FROM touched '
        'LEFT JOIN LATERAL (SELECT to_jsonb(version) - %3$L::text[] AS held FROM %2$s AS version '
        '    WHERE (%1$s) = (%4$s) AND version.annals_from <= $1 AND version.annals_to > $1) AS old ON true '
        'LEFT JOIN LATERAL (SELECT to_jsonb(version) - %3$L::text[] AS held FROM %2$s AS version '
        '    WHERE (%1$s) = (%4$s) AND version.annals_from <= $2 AND version.annals_to > $2) AS new ON true '
        'WHERE old.held IS DISTINCT FROM new.held AND ($3 IS NULL OR touched.name > $3) '
        'ORDER BY touched.name LIMIT $4', keys, past,
        ARRAY['annals_from', 'annals_from_at', 'annals_event', 'annals_to', 'annals_to_at'],
        replace(keys, 'version.', 'touched.'))
        USING from_position, to_position, after_key, most;
END
$$;
COMMENT ON FUNCTION annals.changed_rows IS 'The rows of a table that are not the same at two positions: key, what became of them, the columns that differ, and the events in between. Columns hold nothing here.';

REVOKE ALL ON FUNCTION annals.lineage, annals.column_lineage, annals.changed_rows FROM PUBLIC;
GRANT EXECUTE ON FUNCTION annals.lineage, annals.column_lineage, annals.changed_rows TO annals_auditor;

RESET ROLE;
