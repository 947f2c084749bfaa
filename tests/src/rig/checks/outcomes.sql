-- What is known of each command: by its sender, and by the events that carry its id. A refusal is kept
-- as an event of its own beside the aggregate.
CREATE TEMP TABLE outcomes AS
SELECT journal.id, journal.command, journal.target, journal.expected, journal.cents,
       coalesce(answered.accepted, false) AS accepted, coalesce(answered.refused, false) AS refused,
       coalesce(events.found, 0) AS found, coalesce(events.refusals, 0) AS refusals,
       coalesce(events.together, true) AS together
FROM journal
LEFT JOIN (
    SELECT id, bool_or(answer = 'ok') AS accepted, bool_or(answer = 'refused') AS refused
    FROM answers GROUP BY id
) AS answered USING (id)
LEFT JOIN (
    SELECT command_id AS id,
           count(*) FILTER (WHERE event_type <> 'CommandRefused') AS found,
           count(*) FILTER (WHERE event_type = 'CommandRefused') AS refusals,
           max(position) - min(position) + 1 = count(*) AS together
    FROM stored GROUP BY command_id
) AS events USING (id);
CREATE INDEX ON outcomes (id);
ANALYZE journal, answers, published, stored, outcomes;
