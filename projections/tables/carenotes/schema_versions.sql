-- No projection: it belongs to the migrator (F085), so it has neither policies nor row security,
-- and a rebuild carries its rows over.

CREATE TABLE carenotes.schema_versions (
    version character varying(50) NOT NULL,
    applied_at timestamp with time zone DEFAULT now(),
    description text,
    CONSTRAINT schema_versions_pkey PRIMARY KEY (version)
);
ALTER TABLE carenotes.schema_versions OWNER TO annals_owner;

COMMENT ON TABLE carenotes.schema_versions IS
'Schema migrations that have been applied.

Written by the migrator together with each migration, not from events, and read by no one else.';
COMMENT ON COLUMN carenotes.schema_versions.version IS 'Number and name of the migration.';
COMMENT ON COLUMN carenotes.schema_versions.applied_at IS 'When it was applied.';
COMMENT ON COLUMN carenotes.schema_versions.description IS 'What it does.';

-- policies

-- Nobody but its owner, whom the migrator speaks for.
REVOKE ALL ON carenotes.schema_versions FROM PUBLIC, anon, authenticated;
