SET LOCAL ROLE annals_owner;

-- How far each read model is. Moves in the same transaction as the rows.
CREATE TABLE annals.projections (
    name        text PRIMARY KEY,
    epoch       bigint NOT NULL DEFAULT 1,
    position    bigint NOT NULL DEFAULT 0,
    hash        bytea,
    tables_hash text NOT NULL,
    recorded_at timestamptz,
    stopped_at  bigint,
    error       text
) WITH (fillfactor = 10);
COMMENT ON TABLE annals.projections IS 'Checkpoints: the last event that each read model holds.';
COMMENT ON COLUMN annals.projections.name IS 'The context; <context>_next while a rebuild fills a second schema.';
COMMENT ON COLUMN annals.projections.epoch IS 'Counts the rebuilds.';
COMMENT ON COLUMN annals.projections.position IS 'Position of the last event of the context that the rows hold.';
COMMENT ON COLUMN annals.projections.hash IS 'That event''s hash.';
COMMENT ON COLUMN annals.projections.tables_hash IS 'Hash of the table files that the schema was made from.';
COMMENT ON COLUMN annals.projections.recorded_at IS 'That event''s time.';
COMMENT ON COLUMN annals.projections.stopped_at IS 'Position of the event that could not be applied, while the projection stands still.';
COMMENT ON COLUMN annals.projections.error IS 'Why it could not.';

-- Events that could not be applied: why, and who let them be skipped.
CREATE TABLE annals.parked (
    name       text NOT NULL,
    position   bigint NOT NULL,
    event_type text NOT NULL,
    error      text NOT NULL,
    parked_at  timestamptz NOT NULL,
    attempts   bigint NOT NULL DEFAULT 1,
    skipped_at timestamptz,
    skipped_by text,
    reason     text,
    CONSTRAINT parked_pkey PRIMARY KEY (name, position)
);
COMMENT ON TABLE annals.parked IS 'Events that stopped a projection. None is skipped unless an operator says so, here.';

-- What the relay knows of the streams: a hint, checked against the streams themselves.
CREATE TABLE annals.relay (
    context        text PRIMARY KEY,
    epoch          bigint NOT NULL,
    stream_created text NOT NULL,
    position       bigint NOT NULL,
    hash           bytea,
    updated_at     timestamptz NOT NULL
) WITH (fillfactor = 10);
COMMENT ON TABLE annals.relay IS 'How far each context''s events are published, and in which incarnation of its stream.';

GRANT SELECT, INSERT, UPDATE, DELETE ON annals.projections, annals.parked TO projector;
GRANT SELECT ON annals.projections, annals.parked, annals.relay TO annals_appender, annals_relay, annals_auditor;
GRANT SELECT, INSERT, UPDATE ON annals.relay TO annals_relay;

-- Read your own writes from SQL: waits until a context's tables hold an event.
CREATE FUNCTION annals.wait_for(context text, awaited bigint, patience interval DEFAULT '5 seconds')
RETURNS boolean LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    deadline timestamptz := clock_timestamp() + least(patience, interval '60 seconds');
BEGIN
    LOOP
        IF EXISTS (SELECT FROM annals.projections AS projection
                   WHERE projection.name = context AND projection.position >= awaited) THEN
            RETURN true;
        END IF;
        IF clock_timestamp() >= deadline THEN
            RETURN false;
        END IF;
        PERFORM pg_sleep(0.005);
    END LOOP;
END
$$;
COMMENT ON FUNCTION annals.wait_for IS 'Waits until the tables of a context hold the event at a position, as a reply named it; false when patience (5 s, at most 60 s) ends first. Call it in a statement of its own, before the query.';
REVOKE ALL ON FUNCTION annals.wait_for FROM PUBLIC;
GRANT EXECUTE ON FUNCTION annals.wait_for TO authenticated, anon, annals_appender, annals_auditor;

RESET ROLE;
