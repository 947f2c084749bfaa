-- Erasure, and reads of what is most sensitive.
SET LOCAL ROLE annals_owner;

-- What is being done about people who were erased. The order stands in the log; what must outlive this
-- database stands in the key store and in the notary's folder.
CREATE TABLE annals.erasures (
    subject     text COLLATE "C" PRIMARY KEY,
    ordered_by  uuid NOT NULL,
    position    bigint,
    ground      text NOT NULL,
    ordered_at  timestamptz NOT NULL,
    actor       text NOT NULL,
    addresses   bytea[] NOT NULL DEFAULT '{}',
    related     text[] NOT NULL DEFAULT '{}',
    redacted_at timestamptz,
    rows        bigint NOT NULL DEFAULT 0,
    versions    bigint NOT NULL DEFAULT 0,
    scrubbed    boolean NOT NULL DEFAULT false,
    finished_at timestamptz,
    receipt     text
);
CREATE INDEX erasures_open ON annals.erasures (ordered_at) WHERE finished_at IS NULL;
COMMENT ON TABLE annals.erasures IS 'How far each erasure is, and its receipt.';
COMMENT ON COLUMN annals.erasures.subject IS 'The person: an id.';
COMMENT ON COLUMN annals.erasures.ordered_by IS 'The event that ordered it, when it was ordered first.';
COMMENT ON COLUMN annals.erasures.position IS 'Where that event stands; null while a restored log does not have it.';
COMMENT ON COLUMN annals.erasures.actor IS 'Who ordered it.';
COMMENT ON COLUMN annals.erasures.addresses IS 'Keyed hashes of the person''s addresses, by which invitations are found; emptied when that is done.';
COMMENT ON COLUMN annals.erasures.related IS 'Ids of what else was sealed about the person under a key of its own.';
COMMENT ON COLUMN annals.erasures.redacted_at IS 'When tombstones stood in all rows and their versions.';
COMMENT ON COLUMN annals.erasures.rows IS 'How many rows were redacted.';
COMMENT ON COLUMN annals.erasures.versions IS 'How many versions of rows were redacted.';
COMMENT ON COLUMN annals.erasures.scrubbed IS 'Whether the tables'' files were rewritten since.';
COMMENT ON COLUMN annals.erasures.finished_at IS 'When the receipt was issued.';
COMMENT ON COLUMN annals.erasures.receipt IS 'The signed receipt (C2SP signed note).';

-- Which streams are about a person whose id is not the stream's. Derived from the log, filled when it is
-- asked for: may be emptied, together with its progress.
CREATE TABLE annals.about (
    subject        text COLLATE "C" NOT NULL,
    aggregate_type text COLLATE "C" NOT NULL,
    aggregate_id   text COLLATE "C" NOT NULL,
    CONSTRAINT about_pkey PRIMARY KEY (subject, aggregate_type, aggregate_id)
);
COMMENT ON TABLE annals.about IS 'Streams with events about a person whose id is not the stream''s.';
CREATE TABLE annals.about_progress (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    position  bigint NOT NULL DEFAULT 0
);
COMMENT ON TABLE annals.about_progress IS 'Up to which event annals.about is filled.';
INSERT INTO annals.about_progress DEFAULT VALUES;

-- Fills annals.about further, by at most so many events, and returns up to where. `kinds`, `types` and
-- `fields` say which field of which event names the person.
CREATE FUNCTION annals.index_subjects(kinds text[], types text[], fields text[], most bigint)
RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    after bigint;
    until bigint;
BEGIN
    SELECT progress.position INTO after FROM annals.about_progress AS progress FOR UPDATE;
    SELECT least(after + most, head.position) INTO until FROM annals.head;
    INSERT INTO annals.about (subject, aggregate_type, aggregate_id)
    SELECT DISTINCT event.payload ->> known.field, event.aggregate_type, event.aggregate_id
    FROM annals.events AS event
    JOIN unnest(kinds, types, fields) AS known (kind, type, field)
      ON known.kind = event.aggregate_type AND known.type = event.event_type
    WHERE event.position > after AND event.position <= until
      AND event.payload ->> known.field <> event.aggregate_id
    ON CONFLICT DO NOTHING;
    UPDATE annals.about_progress SET position = until;
    RETURN until;
END
$$;
COMMENT ON FUNCTION annals.index_subjects IS 'Reads further events into annals.about, and says up to which position it is filled then.';
REVOKE ALL ON FUNCTION annals.index_subjects FROM PUBLIC;
GRANT EXECUTE ON FUNCTION annals.index_subjects TO projector, annals_auditor;

GRANT SELECT ON annals.erasures, annals.about, annals.about_progress TO annals_auditor;
GRANT SELECT, INSERT ON annals.erasures TO annals_reactor;
GRANT SELECT, INSERT, UPDATE ON annals.erasures TO projector;
GRANT SELECT ON annals.about, annals.about_progress TO projector;
GRANT SELECT, DELETE ON annals.snapshots TO projector;

-- What is most sensitive is read in two steps, so that nothing is shown before its note is stored for good:
-- annals.ask_sensitive notes who, when and what for, and annals.read_sensitive shows it to whoever asked,
-- in a later transaction. A column that the contract promises to readers of the table stays open to them
-- besides, unless it is closed (annals.close_sensitive).
CREATE TABLE annals.sensitive (
    relation    text NOT NULL,
    column_name text NOT NULL,
    subject     text NOT NULL,
    seen_by     text,
    closed      boolean NOT NULL DEFAULT false,
    CONSTRAINT sensitive_pkey PRIMARY KEY (relation, column_name)
);
COMMENT ON TABLE annals.sensitive IS 'The most sensitive columns.';
COMMENT ON COLUMN annals.sensitive.relation IS 'Schema and table.';
COMMENT ON COLUMN annals.sensitive.subject IS 'The column with the id of the person whom a row is about.';
COMMENT ON COLUMN annals.sensitive.seen_by IS 'A view with an id, which shows just the rows whose sensitive columns a reader may read; none where that is whoever may read the row.';
COMMENT ON COLUMN annals.sensitive.closed IS 'Whether they can be read through the function alone.';
INSERT INTO annals.sensitive (relation, column_name, subject, seen_by) VALUES
    ('lift.children', 'safeguarding_notes', 'id', 'lift.children_safeguarding'),
    ('carenotes.residents', 'medical_details', 'id', NULL),
    ('carenotes.residents', 'encrypted_medical_notes', 'id', NULL),
    ('nestsync.emergency_profiles', 'allergies', 'child_id', NULL),
    ('nestsync.emergency_profiles', 'medical_conditions', 'child_id', NULL),
    ('nestsync.emergency_profiles', 'medications', 'child_id', NULL),
    ('nestsync.emergency_profiles', 'instructions', 'child_id', NULL);

-- Who asked to read what. A row becomes an event (SensitiveDataRead), and goes when its time is over.
CREATE TABLE annals.sensitive_reads (
    id       uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    relation text NOT NULL,
    row_id   uuid NOT NULL,
    what     text NOT NULL,
    subject  text NOT NULL,
    reader   uuid NOT NULL,
    login    text NOT NULL,
    purpose  text NOT NULL,
    read_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    asked_in xid8 NOT NULL DEFAULT pg_current_xact_id(),
    recorded boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE annals.sensitive_reads IS 'Who asked to read what is most sensitive, for ten minutes; the log keeps it for good (SensitiveDataRead).';
COMMENT ON COLUMN annals.sensitive_reads.recorded IS 'Whether the log has it; the purpose then stands there alone.';
GRANT SELECT, UPDATE, DELETE ON annals.sensitive_reads TO annals_reactor;

-- A row with sensitive columns, if the person of this session may read it: whom it is about, those columns.
CREATE FUNCTION annals.sensitive_row(relation text, row_id uuid, OUT subject text, OUT held jsonb)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    columns text[];
    subject_column text;
    view_name text;
    table_name text := split_part(relation, '.', 2);
    visible text;
BEGIN
    SELECT array_agg(known.column_name), min(known.subject), min(known.seen_by)
    INTO columns, subject_column, view_name
    FROM annals.sensitive AS known WHERE known.relation = sensitive_row.relation;
    IF columns IS NULL THEN
        RAISE EXCEPTION '% has no sensitive columns', relation USING ERRCODE = 'undefined_table';
    END IF;
    -- Who may read a row is what its documented policies say of readers who are signed in.
    IF view_name IS NOT NULL THEN
        visible := format('EXISTS (SELECT FROM %s AS seen WHERE seen.id = %I.id)', view_name::regclass,
                          table_name);
    ELSE
        SELECT string_agg('(' || pg_get_expr(policy.polqual, policy.polrelid) || ')', ' OR ')
        INTO visible
        FROM pg_catalog.pg_policy AS policy
        WHERE policy.polrelid = relation::regclass AND policy.polpermissive
          AND policy.polcmd IN ('r', '*') AND 'authenticated'::regrole = ANY (policy.polroles);
    END IF;
    EXECUTE format('SELECT %1$I.%2$I::text, (SELECT jsonb_object_agg(part.key, part.value) '
                   'FROM jsonb_each(to_jsonb(%1$I)) AS part WHERE part.key = ANY ($2)) '
                   'FROM %3$s WHERE %1$I.id = $1 AND (%4$s)',
                   table_name, subject_column, relation::regclass, coalesce(visible, 'false'))
    INTO subject, held USING row_id, columns;
END
$$;

CREATE FUNCTION annals.ask_sensitive(relation text, row_id uuid, purpose text) RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    reader uuid := annals.subject();
    about text;
    ticket uuid;
BEGIN
    IF reader IS NULL THEN
        RAISE EXCEPTION 'this session speaks for nobody' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF length(btrim(coalesce(purpose, ''))) NOT BETWEEN 8 AND 500 THEN
        RAISE EXCEPTION 'say what it is read for, in 8 to 500 characters'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT it.subject INTO about FROM annals.sensitive_row(relation, row_id) AS it;
    IF about IS NULL THEN
        RETURN NULL;
    END IF;
    INSERT INTO annals.sensitive_reads (relation, row_id, what, subject, reader, login, purpose)
    SELECT ask_sensitive.relation, ask_sensitive.row_id,
           ask_sensitive.relation || '.' || string_agg(known.column_name, ',' ORDER BY known.column_name),
           about, reader, session_user, btrim(ask_sensitive.purpose)
    FROM annals.sensitive AS known WHERE known.relation = ask_sensitive.relation
    RETURNING id INTO ticket;
    RETURN ticket;
END
$$;
COMMENT ON FUNCTION annals.ask_sensitive IS 'Asks to read what is most sensitive in a row and says what for: annals.ask_sensitive(''lift.children'', ''<id>'', ''review of 3 May''). It becomes an event of the person''s history. Returns a ticket for annals.read_sensitive; null where there is no such row for the reader. Commit before you read.';

CREATE FUNCTION annals.read_sensitive(ticket uuid) RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    asked annals.sensitive_reads%ROWTYPE;
BEGIN
    SELECT * INTO asked FROM annals.sensitive_reads AS known
    WHERE known.id = ticket AND known.reader = annals.subject() AND known.login = session_user
      AND known.read_at > clock_timestamp() - interval '10 minutes'
      -- What this very transaction asked for is not stored for good yet.
      AND known.asked_in IS DISTINCT FROM pg_current_xact_id_if_assigned();
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no such ticket of yours, of the last ten minutes, of a transaction that is committed'
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Call annals.ask_sensitive, commit, then annals.read_sensitive.';
    END IF;
    RETURN (SELECT it.held FROM annals.sensitive_row(asked.relation, asked.row_id) AS it);
END
$$;
COMMENT ON FUNCTION annals.read_sensitive IS 'What is most sensitive in the row that a ticket of annals.ask_sensitive names, within ten minutes.';
REVOKE ALL ON FUNCTION annals.sensitive_row, annals.ask_sensitive, annals.read_sensitive FROM PUBLIC;
GRANT EXECUTE ON FUNCTION annals.ask_sensitive, annals.read_sensitive TO authenticated;

-- Takes readers' rights to closed columns of the tables in a schema.
CREATE FUNCTION annals.guard_sensitive(context text, live text) RETURNS void
LANGUAGE plpgsql SET search_path = '' AS $$
DECLARE
    item record;
BEGIN
    FOR item IN
        SELECT split_part(known.relation, '.', 2) AS name, min(known.seen_by) AS view_name,
               array_agg(known.column_name) AS columns
        FROM annals.sensitive AS known
        WHERE known.closed AND split_part(known.relation, '.', 1) = context GROUP BY known.relation
    LOOP
        IF item.view_name IS NOT NULL
            AND to_regclass(format('%I.%I', live, split_part(item.view_name, '.', 2))) IS NOT NULL THEN
            EXECUTE format('REVOKE SELECT ON %I.%I FROM authenticated, anon', live,
                           split_part(item.view_name, '.', 2));
        END IF;
        IF has_table_privilege('authenticated', format('%I.%I', live, item.name), 'SELECT') THEN
            EXECUTE format('REVOKE SELECT ON %I.%I FROM authenticated, anon', live, item.name);
            EXECUTE format('GRANT SELECT (%s) ON %I.%I TO authenticated', (
                SELECT string_agg(quote_ident(part.attname), ', ' ORDER BY part.attnum)
                FROM pg_catalog.pg_attribute AS part
                WHERE part.attrelid = format('%I.%I', live, item.name)::regclass
                  AND part.attnum > 0 AND NOT part.attisdropped
                  AND part.attname <> ALL (item.columns)), live, item.name);
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION annals.guard_sensitive IS 'Takes readers'' rights to sensitive columns that are closed.';

CREATE FUNCTION annals.close_sensitive(relation text) RETURNS void
LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    UPDATE annals.sensitive AS known SET closed = true
    WHERE known.relation = close_sensitive.relation;
    IF NOT FOUND THEN
        RAISE EXCEPTION '% has no sensitive columns', relation USING ERRCODE = 'undefined_table';
    END IF;
    PERFORM annals.guard_sensitive(split_part(relation, '.', 1), split_part(relation, '.', 1));
END
$$;
COMMENT ON FUNCTION annals.close_sensitive IS 'From now on a table''s sensitive columns can be read through annals.read_sensitive alone, beyond what the documents ask. For annals_owner; annals rebuild <context> has the past follow.';
REVOKE ALL ON FUNCTION annals.guard_sensitive, annals.close_sensitive FROM PUBLIC;

RESET ROLE;
