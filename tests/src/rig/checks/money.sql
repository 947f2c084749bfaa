-- After each event of a wallet: not below zero, and what the event says the balance is.
WITH moves AS (
    SELECT position, aggregate_id, sequence, (payload::jsonb ->> 'balance')::numeric AS balance,
           (payload::jsonb ->> 'amount')::numeric * CASE event_type
               WHEN 'WalletCredited' THEN 1
               WHEN 'WalletDebited' THEN -1
               WHEN 'FeeCharged' THEN -1
           END AS amount
    FROM stored
    WHERE aggregate_type = 'samia.wallet'
      AND event_type IN ('WalletCredited', 'WalletDebited', 'FeeCharged')
), prefixes AS (
    SELECT position, balance,
           sum(amount) OVER (PARTITION BY aggregate_id ORDER BY sequence) AS holds
    FROM moves
), bad AS (SELECT position FROM prefixes WHERE holds < 0 OR holds <> balance)
SELECT (SELECT count(*) FROM prefixes),
       (SELECT count(*) FROM bad), (SELECT left(string_agg(position::text, ' '), 200) FROM bad);
