-- Evidence: what lets anyone prove that the log was not altered.

DO $$
BEGIN
    BEGIN
        CREATE ROLE annals_notary NOLOGIN; -- reads hashes, keeps signed checkpoints
    EXCEPTION WHEN duplicate_object OR unique_violation THEN
        NULL;
    END;
    IF NOT pg_has_role(session_user, 'annals_notary', 'MEMBER') THEN
        BEGIN
            EXECUTE format('GRANT annals_notary TO %I', session_user);
        EXCEPTION WHEN unique_violation THEN
            NULL;
        END;
    END IF;
END
$$;

SET LOCAL ROLE annals_owner;

-- Signed statements about the log. Copies of them elsewhere, above all at a witness, are what a
-- superuser of this database cannot change.
CREATE TABLE annals.checkpoints (
    size      bigint PRIMARY KEY CHECK (size > 0),
    root      bytea NOT NULL CHECK (length(root) = 32),
    note      text NOT NULL,
    signed_at timestamptz NOT NULL
);
COMMENT ON TABLE annals.checkpoints IS 'Signed checkpoints: the root over all events up to a position.';
COMMENT ON COLUMN annals.checkpoints.size IS 'How many events it covers: all up to this position.';
COMMENT ON COLUMN annals.checkpoints.root IS 'RFC 6962 root over their hashes.';
COMMENT ON COLUMN annals.checkpoints.note IS 'The signed text (C2SP tlog-checkpoint), cosignatures of witnesses included.';
COMMENT ON COLUMN annals.checkpoints.signed_at IS 'When it was signed.';
CREATE TRIGGER checkpoints_are_never_changed BEFORE UPDATE OR DELETE ON annals.checkpoints
    FOR EACH ROW EXECUTE FUNCTION annals.refuse_change();
CREATE TRIGGER checkpoints_are_never_truncated BEFORE TRUNCATE ON annals.checkpoints
    FOR EACH STATEMENT EXECUTE FUNCTION annals.refuse_change();

-- Roots of complete subtrees of 256, 65,536, … events: with them a proof reads some hundred hashes
-- instead of all. Derived: may be emptied, and is filled again.
CREATE TABLE annals.tiles (
    level smallint NOT NULL CHECK (level > 0),
    index bigint NOT NULL CHECK (index >= 0),
    hash  bytea NOT NULL CHECK (length(hash) = 32),
    CONSTRAINT tiles_pkey PRIMARY KEY (level, index)
);
COMMENT ON TABLE annals.tiles IS 'Roots of complete subtrees of 256 to the power of level events, counted from 0.';

GRANT SELECT (position, hash) ON annals.events TO annals_notary;
GRANT SELECT ON annals.head TO annals_notary;
GRANT SELECT, INSERT ON annals.checkpoints, annals.tiles TO annals_notary;
GRANT SELECT ON annals.checkpoints, annals.tiles TO annals_auditor;

RESET ROLE;
GRANT USAGE ON SCHEMA annals TO annals_notary;
