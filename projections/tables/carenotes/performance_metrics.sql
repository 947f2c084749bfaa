-- Covers every schema of the database, so it is for monitoring and not for tenants' readers
-- (F084).

CREATE VIEW carenotes.performance_metrics AS
SELECT schemaname, relname, n_live_tup, n_dead_tup, last_vacuum, last_autovacuum
FROM pg_catalog.pg_stat_user_tables;
ALTER VIEW carenotes.performance_metrics OWNER TO annals_owner;

COMMENT ON VIEW carenotes.performance_metrics IS
'Rows and vacuum times of every table of the database.

For pg_monitor only: it reaches into every schema, other systems'' included.';
COMMENT ON COLUMN carenotes.performance_metrics.schemaname IS 'Schema of the table.';
COMMENT ON COLUMN carenotes.performance_metrics.relname IS 'Name of the table.';
COMMENT ON COLUMN carenotes.performance_metrics.n_live_tup IS 'Estimated number of live rows.';
COMMENT ON COLUMN carenotes.performance_metrics.n_dead_tup IS 'Estimated number of dead rows.';
COMMENT ON COLUMN carenotes.performance_metrics.last_vacuum IS 'When it was last vacuumed by hand.';
COMMENT ON COLUMN carenotes.performance_metrics.last_autovacuum IS
'When it was last vacuumed by the server.';

REVOKE ALL ON carenotes.performance_metrics FROM PUBLIC, anon, authenticated;
GRANT SELECT ON carenotes.performance_metrics TO pg_monitor;
GRANT USAGE ON SCHEMA carenotes TO pg_monitor;
