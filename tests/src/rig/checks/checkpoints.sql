-- Each read model says that it holds the context's last event, with that event's hash, and nothing is
-- parked.
WITH bad AS (
    SELECT served.context FROM served
    JOIN annals.projections AS known ON known.name = served.context
    LEFT JOIN LATERAL (
        SELECT event.position, event.hash FROM annals.events AS event
        WHERE event.aggregate_type LIKE served.context || '.%'
        ORDER BY event.position DESC LIMIT 1
    ) AS last ON true
    WHERE known.position <> coalesce(last.position, 0) OR known.stopped_at IS NOT NULL
       OR (last.position IS NOT NULL AND known.hash IS DISTINCT FROM last.hash)
    UNION ALL
    SELECT name FROM annals.parked
)
SELECT (SELECT count(*) FROM served),
       (SELECT count(*) FROM bad), (SELECT left(string_agg(context, ' '), 200) FROM bad);
