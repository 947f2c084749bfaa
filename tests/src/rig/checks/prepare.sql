-- What the journal says (journal, answers) and what the streams hold (published) are filled in by the
-- checker; the rest is the event table, read once.
SET work_mem = '256MB';
CREATE TEMP TABLE journal (
    id text PRIMARY KEY, command text, target uuid, expected integer, cents bigint
);
CREATE TEMP TABLE answers (
    nth bigint, id text, answer text, code text, version bigint, position bigint, events uuid[],
    duplicate boolean, again boolean
);
CREATE TEMP TABLE published (
    context text, sequence bigint, epoch bigint, position bigint, previous bigint, event_id uuid,
    payload text
);
CREATE TEMP TABLE served (context text PRIMARY KEY);
CREATE TEMP TABLE stored AS
SELECT event.position, split_part(event.aggregate_type, '.', 1) AS context, event.aggregate_type,
       event.aggregate_id, event.sequence, event.event_type, event.event_id, event.recorded_at,
       event.metadata ->> 'command_id' AS command_id, event.payload::text AS payload
FROM annals.events AS event;
CREATE INDEX ON stored (event_id);
CREATE INDEX ON stored (command_id);
CREATE INDEX ON stored (context, position);
