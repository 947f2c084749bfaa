SET LOCAL ROLE annals_owner;

-- The log: one row an event, in commit order, never changed. Its first seven columns after the
-- position are those of a postgres-es table, so that code written for that one reads it.
CREATE TABLE annals.events (
    position       bigint NOT NULL,
    aggregate_type text COLLATE "C" NOT NULL,
    aggregate_id   text COLLATE "C" NOT NULL,
    sequence       bigint NOT NULL,
    event_type     text NOT NULL,
    event_version  text NOT NULL,
    payload        json NOT NULL,
    metadata       json NOT NULL,
    event_id       uuid NOT NULL,
    recorded_at    timestamptz NOT NULL,
    hash           bytea NOT NULL,
    CONSTRAINT events_pkey PRIMARY KEY (aggregate_type, aggregate_id, sequence),
    CONSTRAINT events_position_key UNIQUE (position)
);
COMMENT ON TABLE annals.events IS 'Immutable events of all contexts, in commit order.';
COMMENT ON COLUMN annals.events.position IS 'Place among all events: 1, 2, 3 … without a hole, in commit order.';
COMMENT ON COLUMN annals.events.aggregate_type IS 'Context and aggregate, for example lift.alert.';
COMMENT ON COLUMN annals.events.aggregate_id IS 'The aggregate''s id.';
COMMENT ON COLUMN annals.events.sequence IS 'Place in the aggregate''s own stream, from 1.';
COMMENT ON COLUMN annals.events.event_type IS 'What happened, under its documented name.';
COMMENT ON COLUMN annals.events.event_version IS 'Version of the payload''s form.';
COMMENT ON COLUMN annals.events.payload IS 'The content, byte for byte as it was hashed; personal fields are sealed.';
COMMENT ON COLUMN annals.events.metadata IS 'Who, by which command, why: actor, command, correlation, causation, tenant, trace, sealed subjects.';
COMMENT ON COLUMN annals.events.event_id IS 'The event''s own id (UUID version 7).';
COMMENT ON COLUMN annals.events.recorded_at IS 'When it was recorded; never before the event at the position below.';
COMMENT ON COLUMN annals.events.hash IS 'RFC 6962 leaf hash over the stored bytes.';

CREATE FUNCTION annals.refuse_change() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    RAISE EXCEPTION 'events are never changed: % on annals.% refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER events_are_never_changed BEFORE UPDATE OR DELETE ON annals.events
    FOR EACH ROW EXECUTE FUNCTION annals.refuse_change();
CREATE TRIGGER events_are_never_truncated BEFORE TRUNCATE ON annals.events
    FOR EACH STATEMENT EXECUTE FUNCTION annals.refuse_change();

-- The last position. Its lock is held from the first statement of an append to its commit: that is
-- what makes positions dense and in commit order.
CREATE TABLE annals.head (
    singleton   boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    position    bigint NOT NULL,
    recorded_at timestamptz NOT NULL
) WITH (fillfactor = 10);
COMMENT ON TABLE annals.head IS 'One row: the position and time of the last event.';
INSERT INTO annals.head (position, recorded_at) VALUES (0, '-infinity');

-- What became of each command, under a key made of who sent it and the id it was sent with.
CREATE TABLE annals.commands (
    key         uuid PRIMARY KEY,
    fingerprint bytea NOT NULL,
    position    bigint,
    events      integer NOT NULL,
    target      integer,
    outcome     json,
    recorded_at timestamptz NOT NULL
);
COMMENT ON TABLE annals.commands IS 'The one outcome of each command id, refusals by a business rule included; kept for ever.';
COMMENT ON COLUMN annals.commands.key IS 'Made of the sender and the command id.';
COMMENT ON COLUMN annals.commands.fingerprint IS 'Keyed hash of command and body: the same id with another body is told apart.';
COMMENT ON COLUMN annals.commands.position IS 'Position of the command''s first event.';
COMMENT ON COLUMN annals.commands.events IS 'How many events it led to.';
COMMENT ON COLUMN annals.commands.target IS 'Which of them, from 0, is the last of the aggregate that was addressed.';
COMMENT ON COLUMN annals.commands.outcome IS 'The reply''s body, where it cannot be put together from the events.';

-- Values that only one stream may hold at a time (F029).
CREATE TABLE annals.claims (
    field text COLLATE "C" NOT NULL,
    hash  bytea NOT NULL,
    owner text COLLATE "C" NOT NULL,
    CONSTRAINT claims_pkey PRIMARY KEY (field, hash),
    CONSTRAINT claims_owner_key UNIQUE (field, owner)
);
COMMENT ON TABLE annals.claims IS 'Uniqueness across streams: taken and released in the append transaction.';
COMMENT ON COLUMN annals.claims.hash IS 'SHA-256 of the normalised value.';

-- Never the only copy of anything: may be emptied at any time.
CREATE TABLE annals.snapshots (
    aggregate_type   text COLLATE "C" NOT NULL,
    aggregate_id     text COLLATE "C" NOT NULL,
    last_sequence    bigint NOT NULL,
    current_snapshot bigint NOT NULL,
    payload          json NOT NULL,
    CONSTRAINT snapshots_pkey PRIMARY KEY (aggregate_type, aggregate_id)
);
COMMENT ON TABLE annals.snapshots IS 'States of long streams, to load them sooner. May be emptied at any time.';
COMMENT ON COLUMN annals.snapshots.current_snapshot IS 'Version of the state''s form.';

GRANT SELECT ON annals.events, annals.head, annals.commands, annals.claims TO annals_appender;
GRANT SELECT, INSERT, UPDATE, DELETE ON annals.snapshots TO annals_appender;
GRANT SELECT ON annals.events, annals.head TO annals_relay, projector;
GRANT SELECT ON annals.events, annals.head, annals.commands TO annals_auditor;

RESET ROLE;
