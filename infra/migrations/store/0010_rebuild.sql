-- What a rebuild puts off until its rows are in: to fill a table and index it afterwards takes a
-- fraction of the time that it takes to keep every index at every row.
SET LOCAL ROLE annals_owner;

CREATE TABLE annals.deferred (
    name      text NOT NULL,
    nth       bigint NOT NULL,
    relation  text NOT NULL,
    statement text NOT NULL,
    CONSTRAINT deferred_pkey PRIMARY KEY (name, nth)
);
COMMENT ON TABLE annals.deferred IS 'Statements that a rebuild or a replay still owes the tables it fills, in their order. Empty but while one is at work, or was interrupted.';
COMMENT ON COLUMN annals.deferred.name IS 'The checkpoint''s name: <context>_next, or the schema that is replayed into.';
COMMENT ON COLUMN annals.deferred.relation IS 'The table, without its schema.';
COMMENT ON COLUMN annals.deferred.statement IS 'Makes an index or a reference.';

-- Drops the indexes that no statement of a projector finds rows by, and the references that do nothing by
-- themselves, of the tables in these schemas; notes how to make them again.
CREATE FUNCTION annals.defer_constraints(checkpoint text, schemas text[]) RETURNS void
LANGUAGE plpgsql SET search_path = '' AS $$
DECLARE
    item record;
BEGIN
    DELETE FROM annals.deferred AS known WHERE known.name = checkpoint;
    FOR item IN
        WITH tables AS (
            SELECT class.oid, class.relname, space.nspname
            FROM pg_catalog.pg_class AS class
            JOIN pg_catalog.pg_namespace AS space ON space.oid = class.relnamespace
            WHERE space.nspname = ANY (schemas) AND class.relkind = 'r' AND NOT class.relispartition
        )
        SELECT 1 AS kind, tables.relname AS relation, pg_get_indexdef(index.indexrelid) AS statement,
               format('DROP INDEX %I.%I', tables.nspname, class.relname) AS undo
        FROM pg_catalog.pg_index AS index
        JOIN tables ON tables.oid = index.indrelid
        JOIN pg_catalog.pg_class AS class ON class.oid = index.indexrelid
        WHERE NOT index.indisunique
        UNION ALL
        SELECT 2, tables.relname,
               format('ALTER TABLE %I.%I ADD CONSTRAINT %I %s', tables.nspname, tables.relname,
                      known.conname, pg_get_constraintdef(known.oid)),
               format('ALTER TABLE %I.%I DROP CONSTRAINT %I', tables.nspname, tables.relname,
                      known.conname)
        FROM pg_catalog.pg_constraint AS known
        JOIN tables ON tables.oid = known.conrelid
        WHERE known.contype = 'f' AND known.confdeltype = 'a' AND known.confupdtype = 'a'
        ORDER BY 1, 2, 3
    LOOP
        EXECUTE item.undo;
        INSERT INTO annals.deferred (name, nth, relation, statement)
        SELECT checkpoint, coalesce(max(known.nth), 0) + 1, item.relation, item.statement
        FROM annals.deferred AS known WHERE known.name = checkpoint;
    END LOOP;
END
$$;
COMMENT ON FUNCTION annals.defer_constraints IS 'Drops secondary indexes and plain references of the tables in these schemas, and notes in annals.deferred how to make them again.';

-- Makes what was deferred: of these tables, or of all. Indexes come before references.
CREATE FUNCTION annals.make_deferred(checkpoint text, relations text[] DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = '' AS $$
DECLARE
    item record;
BEGIN
    FOR item IN
        SELECT known.nth, known.statement FROM annals.deferred AS known
        WHERE known.name = checkpoint AND (relations IS NULL OR known.relation = ANY (relations))
        ORDER BY known.nth
    LOOP
        EXECUTE item.statement;
        DELETE FROM annals.deferred AS known WHERE known.name = checkpoint AND known.nth = item.nth;
    END LOOP;
END
$$;
COMMENT ON FUNCTION annals.make_deferred IS 'Makes the indexes and references that annals.deferred names for a checkpoint, of some tables or of all.';

REVOKE ALL ON FUNCTION annals.defer_constraints, annals.make_deferred FROM PUBLIC;

RESET ROLE;
