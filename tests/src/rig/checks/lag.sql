-- How many positions each read model and each stream is behind the last event of its context; only those
-- that are.
WITH log AS (
    SELECT name, coalesce((
        SELECT max(position) FROM annals.events WHERE aggregate_type LIKE name || '.%'), 0) AS last
    FROM unnest($1::text[]) AS name
)
SELECT 'rows of ' || log.name, log.last - known.position
FROM log JOIN annals.projections AS known USING (name) WHERE known.position <> log.last
UNION ALL
SELECT 'stream of ' || log.name, log.last - coalesce(known.position, 0)
FROM log LEFT JOIN annals.relay AS known ON known.context = log.name
WHERE log.last <> coalesce(known.position, 0)
