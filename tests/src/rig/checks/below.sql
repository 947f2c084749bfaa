-- No wallet is below zero after any prefix of its events, by the amounts alone.
WITH prefixes AS (
    SELECT position, sum((payload::jsonb ->> 'amount')::numeric * CASE event_type
               WHEN 'WalletCredited' THEN 1 ELSE -1 END)
           OVER (PARTITION BY aggregate_id ORDER BY sequence) AS holds
    FROM stored
    WHERE aggregate_type = 'samia.wallet'
      AND event_type IN ('WalletCredited', 'WalletDebited', 'FeeCharged')
), bad AS (SELECT position FROM prefixes WHERE holds < 0)
SELECT (SELECT count(*) FROM prefixes),
       (SELECT count(*) FROM bad), (SELECT left(string_agg(position::text, ' '), 200) FROM bad);
