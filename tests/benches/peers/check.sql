WITH moved AS (
    SELECT aggregate_id, sequence, (payload ->> 'transaction_id')::uuid AS id,
           (payload ->> 'amount')::numeric AS amount, (payload ->> 'balance')::numeric AS balance
    FROM annals.events
    WHERE aggregate_type = 'samia.wallet' AND event_type IN ('WalletCredited', 'WalletDebited')
),
last AS (
    SELECT DISTINCT ON (aggregate_id) aggregate_id::uuid AS user_id, balance FROM moved
    ORDER BY aggregate_id, sequence DESC
),
missing AS (
    SELECT count(*) AS wrong FROM moved FULL JOIN samia.transactions AS row USING (id)
    WHERE moved.id IS NULL OR row.id IS NULL OR moved.amount <> row.amount
),
balances AS (
    SELECT count(*) AS wrong FROM last LEFT JOIN samia.user_wallets AS row USING (user_id)
    WHERE row.balance IS DISTINCT FROM last.balance
),
below AS (SELECT count(*) AS wrong FROM moved WHERE balance < 0)
SELECT missing.wrong + balances.wrong + below.wrong, (SELECT count(*) FROM moved)
FROM missing, balances, below
