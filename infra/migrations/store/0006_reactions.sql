-- A reactor reads the log, remembers what its reactions look at, and sends commands.
DO $$
BEGIN
    CREATE ROLE annals_reactor NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;
END
$$;
DO $$
BEGIN
    IF NOT pg_has_role(session_user, 'annals_reactor', 'MEMBER') THEN
        EXECUTE format('GRANT annals_reactor TO %I', session_user);
    END IF;
EXCEPTION WHEN unique_violation THEN
    NULL;
END
$$;
GRANT USAGE ON SCHEMA annals TO annals_reactor;
SET LOCAL ROLE annals_owner;

-- How far each reactor is: moves in the transaction that keeps what it remembers, and only after the
-- commands of the events behind it have their outcomes.
CREATE TABLE annals.reactors (
    context     text PRIMARY KEY,
    version     bigint NOT NULL,
    position    bigint NOT NULL DEFAULT 0,
    folded      bigint,
    recorded_at timestamptz,
    stopped_at  bigint,
    error       text
) WITH (fillfactor = 10);
COMMENT ON TABLE annals.reactors IS 'Checkpoints of the reactors: the last event that each has reacted to.';
COMMENT ON COLUMN annals.reactors.version IS 'Version of what is remembered: another version folds it anew.';
COMMENT ON COLUMN annals.reactors.position IS 'Position up to which every reaction''s commands have their outcomes.';
COMMENT ON COLUMN annals.reactors.folded IS 'While the memory is folded anew: how far that is.';
COMMENT ON COLUMN annals.reactors.recorded_at IS 'Time of the last event that was reacted to.';
COMMENT ON COLUMN annals.reactors.stopped_at IS 'Position of the event that nobody can react to, while the reactor stands still.';
COMMENT ON COLUMN annals.reactors.error IS 'Why not.';

-- Folded from the log, and folded from it again when need be: never the only copy of anything.
CREATE TABLE annals.reactor_states (
    context text COLLATE "C" NOT NULL,
    kind    text COLLATE "C" NOT NULL,
    id      text COLLATE "C" NOT NULL,
    state   json NOT NULL,
    sealed  json,
    CONSTRAINT reactor_states_pkey PRIMARY KEY (context, kind, id)
) WITH (fillfactor = 70);
COMMENT ON TABLE annals.reactor_states IS 'What reactors remember of single things. Personal fields are sealed.';
COMMENT ON COLUMN annals.reactor_states.sealed IS 'Whose key seals the personal fields.';

CREATE TABLE annals.reactor_sets (
    context text COLLATE "C" NOT NULL,
    kind    text COLLATE "C" NOT NULL,
    id      text COLLATE "C" NOT NULL,
    member  text COLLATE "C" NOT NULL,
    CONSTRAINT reactor_sets_pkey PRIMARY KEY (context, kind, id, member)
);
COMMENT ON TABLE annals.reactor_sets IS 'What reactors remember to belong together, such as an organisation''s pending invitations.';

CREATE TABLE annals.timers (
    context        text COLLATE "C" NOT NULL,
    reaction       text COLLATE "C" NOT NULL,
    key            text COLLATE "C" NOT NULL,
    due_at         timestamptz NOT NULL,
    event_id       uuid NOT NULL,
    position       bigint NOT NULL,
    tenant         text NOT NULL,
    correlation_id text NOT NULL,
    retry_at       timestamptz,
    error          text,
    CONSTRAINT timers_pkey PRIMARY KEY (context, reaction, key)
);
COMMENT ON TABLE annals.timers IS 'When a reaction is to be woken, and about what. A row goes once its commands have their outcomes.';
COMMENT ON COLUMN annals.timers.reaction IS 'Contract id of the reaction.';
COMMENT ON COLUMN annals.timers.key IS 'What it is about, an id.';
COMMENT ON COLUMN annals.timers.event_id IS 'The event that set it.';
COMMENT ON COLUMN annals.timers.position IS 'That event''s position.';
COMMENT ON COLUMN annals.timers.retry_at IS 'When it is tried again, after it could not be handled.';
COMMENT ON COLUMN annals.timers.error IS 'Why it could not.';
CREATE INDEX timers_due_idx ON annals.timers (context, (coalesce(retry_at, due_at)));

GRANT SELECT ON annals.events, annals.head TO annals_reactor;
GRANT SELECT, INSERT, UPDATE, DELETE
    ON annals.reactors, annals.reactor_states, annals.reactor_sets, annals.timers, annals.parked
    TO annals_reactor;
GRANT SELECT ON annals.reactors, annals.timers TO annals_appender, annals_relay, annals_auditor, projector;

RESET ROLE;
