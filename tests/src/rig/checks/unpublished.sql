-- From where a stream was last begun anew, each event of the context is in it, once, in order, and says
-- which was before it. The end of a stream is the end of the log.
WITH newest AS (SELECT context, max(epoch) AS epoch FROM published GROUP BY context),
epochs AS (
    SELECT published.*, newest.epoch IS NOT NULL AS is_newest,
           lag(published.position) OVER in_epoch AS before,
           lag(published.position) OVER in_epoch IS NULL AS is_first
    FROM published LEFT JOIN newest USING (context, epoch)
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
    SELECT context || ' ends at ' || coalesce(streams.last, 0) FROM (
        SELECT context, max(position) AS last FROM stored JOIN served USING (context) GROUP BY context
    ) AS log
    LEFT JOIN (
        SELECT context, max(position) AS last FROM published GROUP BY context
    ) AS streams USING (context)
    -- A stream that was lost at the end, with nothing left to publish, is filled from where somebody
    -- still needs it: from the end.
    WHERE log.last <> streams.last
)
SELECT (SELECT count(*) FROM due),
       (SELECT count(*) FROM bad), (SELECT left(string_agg(message, '; '), 200) FROM bad);
