-- From where a stream was last begun anew, each event of the context is in it, once, in order, and says
-- which was before it; its end is the log's. Where nobody needed anything when it was begun anew, it
-- begins with the next event. What rows do not hold yet is in the stream, wherever that began.
WITH epochs AS (
    SELECT published.*, published.epoch = relay.epoch AS is_newest,
           lag(published.position) OVER in_epoch AS before,
           lag(published.position) OVER in_epoch IS NULL AS is_first,
           lag(published.epoch) OVER (
               PARTITION BY published.context ORDER BY published.sequence) AS epoch_before
    FROM published JOIN annals.relay AS relay USING (context)
    WINDOW in_epoch AS (PARTITION BY published.context, published.epoch ORDER BY published.sequence)
), due AS (
    SELECT stored.context, stored.position FROM stored
    JOIN (
        SELECT context, min(position) AS first FROM epochs WHERE is_newest GROUP BY context
    ) AS begun USING (context)
    WHERE stored.position >= begun.first
), bad AS (
    SELECT context || ' ' || position || ' is not there' AS message FROM due
    WHERE NOT EXISTS (
        SELECT FROM epochs
        WHERE epochs.is_newest AND epochs.context = due.context AND epochs.position = due.position)
    UNION ALL
    SELECT context || ' ' || position || ' is out of order' FROM epochs
    WHERE NOT is_first AND (position <= before OR previous <> before)
    UNION ALL
    SELECT context || ' ' || position || ' comes from before the stream was begun anew' FROM epochs
    WHERE epoch < epoch_before
    UNION ALL
    SELECT stored.context || ' ' || stored.position || ' is still needed' FROM stored
    JOIN annals.projections AS rows ON rows.name = stored.context
    JOIN served ON served.context = stored.context
    WHERE stored.position > rows.position AND NOT EXISTS (
        SELECT FROM published
        WHERE published.context = stored.context AND published.position = stored.position)
)
SELECT (SELECT count(*) FROM due), (SELECT count(*) FROM bad),
       (SELECT left(string_agg(message, '; '), 200) FROM bad) || '; epochs: ' || (
           SELECT string_agg(it, ', ') FROM (
               SELECT context || ' ' || epoch || ': ' || count(*) || ' messages, sequences '
                   || min(sequence) || ' to ' || max(sequence) || ', positions ' || min(position)
                   || ' to ' || max(position) AS it
               FROM published GROUP BY context, epoch ORDER BY context, epoch
           ) AS filled);
