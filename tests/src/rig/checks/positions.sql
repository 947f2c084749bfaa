-- Positions are 1, 2, 3 … with no hole, none twice, in the order of time; and the log's head is the last.
WITH bad AS (
    SELECT position FROM (
        SELECT position, lag(position, 1, 0::bigint) OVER by_position AS before,
               recorded_at < lag(recorded_at) OVER by_position AS earlier
        FROM stored WINDOW by_position AS (ORDER BY position)
    ) AS ordered
    WHERE position <> before + 1 OR earlier
    UNION ALL
    SELECT position FROM annals.head
    WHERE position <> (SELECT coalesce(max(position), 0) FROM stored)
)
SELECT (SELECT count(*) FROM stored),
       (SELECT count(*) FROM bad), (SELECT left(string_agg(position::text, ' '), 200) FROM bad);
