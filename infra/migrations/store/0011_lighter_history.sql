-- Fewer indexes over the past: there are many more versions than rows, and every index is paid for with each.
SET LOCAL ROLE annals_owner;

-- Of the indexes that history tables take over from their live tables, keeps those that find few versions among
-- many. A time's index becomes a summary of its pages, since versions come in the order of time; one over a column
-- of a few words or of truth values goes, and so does one that another begins with.
CREATE FUNCTION annals.lighten_history(live text) RETURNS void
LANGUAGE plpgsql SET search_path = '' AS $$
DECLARE
    past text := live || '_history';
    item record;
BEGIN
    FOR item IN
        SELECT class.relname AS name, owner.relname AS relation, first.attname AS leading,
               first.atttypid IN ('timestamptz'::regtype, 'timestamp'::regtype, 'date'::regtype) AS of_time,
               first.atttypid = 'bool'::regtype OR EXISTS (
                   SELECT FROM pg_catalog.pg_constraint AS known
                   JOIN pg_catalog.pg_attribute AS checked
                     ON checked.attrelid = known.conrelid AND known.conkey = ARRAY[checked.attnum]
                   WHERE known.conrelid = to_regclass(format('%I.%I', live, owner.relname))
                     AND known.contype = 'c' AND checked.attname = first.attname
                     AND pg_get_constraintdef(known.oid) LIKE '%= ANY (%ARRAY[%'
               ) AS of_few,
               index.indpred IS NULL AND EXISTS (
                   SELECT FROM pg_catalog.pg_index AS longer
                   JOIN pg_catalog.pg_class AS other ON other.oid = longer.indexrelid
                   WHERE longer.indrelid = index.indrelid AND longer.indexrelid <> index.indexrelid
                     AND longer.indpred IS NULL AND longer.indexprs IS NULL AND index.indexprs IS NULL
                     AND (longer.indkey::int2[])[0:index.indnatts - 1]
                         = (index.indkey::int2[])[0:index.indnatts - 1]
                     AND (longer.indnatts > index.indnatts OR other.relname < class.relname)
               ) AS known_otherwise
        FROM pg_catalog.pg_index AS index
        JOIN pg_catalog.pg_class AS class ON class.oid = index.indexrelid
        JOIN pg_catalog.pg_am AS method ON method.oid = class.relam AND method.amname = 'btree'
        JOIN pg_catalog.pg_class AS owner ON owner.oid = index.indrelid
        LEFT JOIN pg_catalog.pg_attribute AS first
          ON first.attrelid = owner.oid AND first.attnum = index.indkey[0] AND index.indkey[0] > 0
        WHERE owner.relnamespace = to_regnamespace(past) AND NOT index.indisunique
        ORDER BY class.relname
    LOOP
        CONTINUE WHEN NOT coalesce(item.of_time OR item.of_few OR item.known_otherwise, false);
        EXECUTE format('DROP INDEX %I.%I', past, item.name);
        IF item.of_time THEN
            EXECUTE format('CREATE INDEX %I ON %I.%I USING brin (%I)', item.name, past, item.relation,
                           item.leading);
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION annals.lighten_history IS 'Drops or lightens the indexes of a read model''s history tables that cost more with every version than they save a reader.';
REVOKE ALL ON FUNCTION annals.lighten_history FROM PUBLIC;

SELECT annals.lighten_history(left(nspname, -8)) FROM pg_catalog.pg_namespace
WHERE nspname LIKE '%\_history' AND to_regnamespace(left(nspname, -8)) IS NOT NULL;

RESET ROLE;
