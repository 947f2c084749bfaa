INSERT INTO rows AS row (id, user_id, transaction_type, amount, currency, status, gateway_fee, description,
                  metadata, created_at, completed_at, reconciled)
SELECT id, user_id, transaction_type, amount::numeric, currency, status, gateway_fee::numeric, description,
       metadata::jsonb, created_at, completed_at, reconciled
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
            $9::text[], $10::timestamptz[], $11::timestamptz[], $12::boolean[])
    AS given (id, user_id, transaction_type, amount, currency, status, gateway_fee, description, metadata,
              created_at, completed_at, reconciled)
ON CONFLICT (id) DO UPDATE SET
    user_id = excluded.user_id, transaction_type = excluded.transaction_type, amount = excluded.amount,
    currency = excluded.currency, status = excluded.status, gateway_fee = excluded.gateway_fee,
    description = excluded.description, metadata = excluded.metadata, created_at = excluded.created_at,
    completed_at = excluded.completed_at, reconciled = excluded.reconciled
