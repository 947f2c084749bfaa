-- samia.transactions is what its events make of it.
WITH replayed AS (
    SELECT (said ->> 'transaction_id')::uuid AS id, aggregate_id::uuid AS user_id,
           CASE event_type WHEN 'WalletCredited' THEN 'deposit' WHEN 'FeeCharged' THEN 'fee'
               ELSE said ->> 'transaction_type' END AS transaction_type,
           (said ->> 'amount')::numeric AS amount, said ->> 'currency' AS currency,
           'completed' AS status, recorded_at AS created_at, recorded_at AS completed_at,
           said -> 'metadata' AS metadata
    FROM (SELECT *, payload::jsonb AS said FROM stored) AS events
    WHERE event_type IN ('WalletCredited', 'WalletDebited', 'FeeCharged')
), shown AS (
    SELECT id, user_id, transaction_type::text, amount, currency::text, status::text, created_at,
           completed_at, metadata
    FROM samia.transactions
), bad AS (
    SELECT id FROM (SELECT * FROM replayed EXCEPT ALL SELECT * FROM shown) AS missing
    UNION
    SELECT id FROM (SELECT * FROM shown EXCEPT ALL SELECT * FROM replayed) AS unfounded
)
SELECT (SELECT count(*) FROM replayed),
       (SELECT count(*) FROM bad), (SELECT left(string_agg(id::text, ' '), 200) FROM bad);
