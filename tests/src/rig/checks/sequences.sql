-- Each aggregate's events are 1 … n.
WITH streams AS (
    SELECT aggregate_type, aggregate_id, count(*) AS events, min(sequence) AS first,
           max(sequence) AS last, count(DISTINCT sequence) AS different
    FROM stored GROUP BY aggregate_type, aggregate_id
), bad AS (
    SELECT aggregate_type || '/' || aggregate_id AS stream FROM streams
    WHERE first <> 1 OR last <> events OR different <> events
)
SELECT (SELECT count(*) FROM streams),
       (SELECT count(*) FROM bad), (SELECT left(string_agg(stream, ' '), 200) FROM bad);
