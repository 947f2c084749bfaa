-- What is in a stream is in the log, in the same form.
WITH bad AS (
    SELECT published.context || ' ' || published.position AS message
    FROM published LEFT JOIN stored USING (event_id)
    WHERE stored.position IS NULL OR stored.position <> published.position
       OR stored.context <> published.context OR stored.payload <> published.payload
)
SELECT (SELECT count(*) FROM published),
       (SELECT count(*) FROM bad), (SELECT left(string_agg(message, ' '), 200) FROM bad);
