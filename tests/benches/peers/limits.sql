DROP TABLE IF EXISTS events, rows;
-- Two b-trees, one of them with text keys, as every log that is read by stream and by position has.
CREATE TABLE events (
    position       bigint NOT NULL UNIQUE,
    aggregate_type text COLLATE "C" NOT NULL,
    aggregate_id   text COLLATE "C" NOT NULL,
    sequence       bigint NOT NULL,
    event_type     text NOT NULL,
    event_version  text NOT NULL,
    payload        stored_as NOT NULL,
    metadata       stored_as NOT NULL,
    PRIMARY KEY (aggregate_type, aggregate_id, sequence)
);
-- A read model of twelve columns with one index besides its key.
CREATE TABLE rows (
    id               uuid PRIMARY KEY,
    user_id          uuid NOT NULL,
    transaction_type varchar(50) NOT NULL,
    amount           numeric(15,2) NOT NULL,
    currency         varchar(3) NOT NULL,
    status           varchar(50) NOT NULL,
    gateway_fee      numeric(15,2) NOT NULL,
    description      text,
    metadata         jsonb NOT NULL,
    created_at       timestamptz NOT NULL,
    completed_at     timestamptz,
    reconciled       boolean NOT NULL
);
CREATE INDEX ON rows (user_id);
