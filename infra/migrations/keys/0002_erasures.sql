-- Who was erased, apart from the log: an older backup of the log is not to bring anybody back. It is
-- written in the transaction that destroys the keys.
CREATE TABLE annals_keys.erasures (
    subject    text COLLATE "C" NOT NULL,
    ordered_by uuid NOT NULL,
    position   bigint NOT NULL,
    ground     text NOT NULL,
    ordered_at timestamptz NOT NULL,
    related    text[] NOT NULL DEFAULT '{}',
    CONSTRAINT erasures_pkey PRIMARY KEY (subject)
);
COMMENT ON TABLE annals_keys.erasures IS 'Erasures that must hold whatever is restored.';
COMMENT ON COLUMN annals_keys.erasures.subject IS 'The person: an id.';
COMMENT ON COLUMN annals_keys.erasures.ordered_by IS 'The event that ordered it, when it was ordered first.';
COMMENT ON COLUMN annals_keys.erasures.position IS 'Where that event stood then.';
COMMENT ON COLUMN annals_keys.erasures.ground IS 'On which ground.';
COMMENT ON COLUMN annals_keys.erasures.ordered_at IS 'When.';
COMMENT ON COLUMN annals_keys.erasures.related IS 'Ids of what else was sealed about the person under a key of its own, such as invitations.';
