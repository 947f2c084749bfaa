-- NaN passes amount > 0, so it is ruled out by name (F031). payment_method_id has no reference in
-- the document and none here (F110). Values listed in comments are checks (F113).

CREATE TABLE samia.transactions (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL,
    transaction_type character varying(50) NOT NULL,
    amount numeric(15,2) NOT NULL,
    currency character varying(3) DEFAULT 'USD',
    status character varying(50) DEFAULT 'pending',
    gateway_provider character varying(50),
    gateway_transaction_id character varying(255),
    gateway_fee numeric(15,2) DEFAULT 0.00,
    reading_session_id uuid,
    payment_method_id uuid,
    description text,
    metadata jsonb DEFAULT '{}',
    processed_by uuid,
    processor_notes text,
    created_at timestamp with time zone DEFAULT now(),
    completed_at timestamp with time zone,
    reconciled boolean DEFAULT false,
    reconciled_at timestamp with time zone,
    CONSTRAINT transactions_pkey PRIMARY KEY (id),
    CONSTRAINT transactions_user_id_fkey FOREIGN KEY (user_id)
        REFERENCES samia.users (id) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT transactions_reading_session_id_fkey FOREIGN KEY (reading_session_id)
        REFERENCES samia.reading_sessions (id) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT transactions_processed_by_fkey FOREIGN KEY (processed_by)
        REFERENCES samia.users (id) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT transactions_transaction_type_check
        CHECK (transaction_type IN ('deposit', 'withdrawal', 'payment', 'refund', 'fee')),
    CONSTRAINT transactions_status_check
        CHECK (status IN ('pending', 'completed', 'failed', 'cancelled')),
    CONSTRAINT transactions_gateway_provider_check
        CHECK (gateway_provider IN ('stripe', 'square', 'paypal')),
    CONSTRAINT transactions_amount_positive CHECK (amount > 0 AND amount <> 'NaN')
);
ALTER TABLE samia.transactions OWNER TO annals_owner;

CREATE INDEX idx_transactions_user ON samia.transactions (user_id);
CREATE INDEX idx_transactions_type ON samia.transactions (transaction_type);
CREATE INDEX idx_transactions_status ON samia.transactions (status);
CREATE INDEX idx_transactions_created ON samia.transactions (created_at);
CREATE INDEX idx_transactions_gateway ON samia.transactions
    (gateway_provider, gateway_transaction_id);
CREATE INDEX idx_transactions_user_type_date ON samia.transactions
    (user_id, transaction_type, created_at);

COMMENT ON TABLE samia.transactions IS
'Movements of money.

Amounts are positive; the type says in which direction. Kept for audit.';
COMMENT ON COLUMN samia.transactions.id IS 'The transaction. From the event that began it.';
COMMENT ON COLUMN samia.transactions.user_id IS 'Person whose wallet it moves.';
COMMENT ON COLUMN samia.transactions.transaction_type IS
'deposit and refund add to the balance; withdrawal, payment and fee take from it.';
COMMENT ON COLUMN samia.transactions.amount IS 'Money moved, always positive, in its currency.';
COMMENT ON COLUMN samia.transactions.currency IS
'Currency, as a three-letter code; that of the wallet.';
COMMENT ON COLUMN samia.transactions.status IS
'pending, then completed, failed or cancelled for good.';
COMMENT ON COLUMN samia.transactions.gateway_provider IS
'stripe, square or paypal; null when no gateway takes part.';
COMMENT ON COLUMN samia.transactions.gateway_transaction_id IS
'Name of the payment there; one transaction for each.';
COMMENT ON COLUMN samia.transactions.gateway_fee IS
'What the gateway charged, in the transaction''s currency.';
COMMENT ON COLUMN samia.transactions.reading_session_id IS 'Reading paid for, if one.';
COMMENT ON COLUMN samia.transactions.payment_method_id IS 'Means of payment used, if one.';
COMMENT ON COLUMN samia.transactions.description IS
'What it is for.

Personal data: null after erasure.';
COMMENT ON COLUMN samia.transactions.metadata IS
'Further facts by name; for a refund, refund_of names the payment.';
COMMENT ON COLUMN samia.transactions.processed_by IS
'Admin who entered it; null when the system or the owner did.';
COMMENT ON COLUMN samia.transactions.processor_notes IS
'Remarks of that admin. The owner may read them.

Personal data: null after erasure.';
COMMENT ON COLUMN samia.transactions.created_at IS 'When it was begun. Time of its first event.';
COMMENT ON COLUMN samia.transactions.completed_at IS 'When it was completed, failed or cancelled.';
COMMENT ON COLUMN samia.transactions.reconciled IS
'Whether it was found in the gateway''s statement.';
COMMENT ON COLUMN samia.transactions.reconciled_at IS 'When it was found there.';

ALTER TABLE samia.transactions ENABLE ROW LEVEL SECURITY;
ALTER TABLE samia.transactions FORCE ROW LEVEL SECURITY;

-- policies

-- A user reads what is the own.
CREATE POLICY select_own ON samia.transactions FOR SELECT TO authenticated
    USING (user_id = (SELECT auth.uid()));

-- Admins read every row. Said as a range, so that indexes can answer all of the policies
-- together.
CREATE POLICY select_admin ON samia.transactions FOR SELECT TO authenticated
    USING (
        id BETWEEN (SELECT samia.first_for_admin())
            AND 'ffffffff-ffff-ffff-ffff-ffffffffffff'
    );

-- Projectors write; the owner's helpers look in.
CREATE POLICY projector_all ON samia.transactions FOR ALL TO projector
    USING (true) WITH CHECK (true);
CREATE POLICY owner_select ON samia.transactions FOR SELECT TO annals_owner
    USING (true);

REVOKE ALL ON samia.transactions FROM PUBLIC, anon, authenticated;
GRANT SELECT ON samia.transactions TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON samia.transactions TO projector;
