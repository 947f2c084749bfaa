-- Removed ones are hidden, and nothing deletes a row (F007, F111). Values listed in comments are
-- checks (F113).

CREATE TABLE samia.payment_methods (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    user_id uuid,
    method_type character varying(50) NOT NULL,
    provider character varying(50) NOT NULL,
    provider_method_id character varying(255) NOT NULL,
    display_name character varying(255),
    last_four character varying(4),
    brand character varying(50),
    expiry_month integer,
    expiry_year integer,
    is_default boolean DEFAULT false,
    is_verified boolean DEFAULT false,
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now(),
    deleted_at timestamp with time zone,
    CONSTRAINT payment_methods_pkey PRIMARY KEY (id),
    CONSTRAINT payment_methods_user_id_fkey FOREIGN KEY (user_id)
        REFERENCES samia.users (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT payment_methods_method_type_check
        CHECK (method_type IN ('card', 'bank_account', 'digital_wallet')),
    CONSTRAINT payment_methods_provider_check CHECK (provider IN ('stripe', 'square', 'paypal'))
);
ALTER TABLE samia.payment_methods OWNER TO annals_owner;

CREATE INDEX idx_payment_methods_user ON samia.payment_methods (user_id);
CREATE INDEX idx_payment_methods_provider ON samia.payment_methods (provider, provider_method_id);

COMMENT ON TABLE samia.payment_methods IS
'Means of payment of users.

Tokens of the payment provider only; a card number is never taken.';
COMMENT ON COLUMN samia.payment_methods.id IS 'The means of payment. From the event that added it.';
COMMENT ON COLUMN samia.payment_methods.user_id IS 'Person it belongs to.';
COMMENT ON COLUMN samia.payment_methods.method_type IS 'card, bank_account or digital_wallet.';
COMMENT ON COLUMN samia.payment_methods.provider IS 'stripe, square or paypal.';
COMMENT ON COLUMN samia.payment_methods.provider_method_id IS
'Token by which the provider knows it.

Personal data: ''erased'' after erasure.';
COMMENT ON COLUMN samia.payment_methods.display_name IS
'Name its owner gave it.

Personal data: null after erasure.';
COMMENT ON COLUMN samia.payment_methods.last_four IS
'Last four digits.

Personal data: null after erasure.';
COMMENT ON COLUMN samia.payment_methods.brand IS
'Brand of the card or name of the bank.

Personal data: null after erasure.';
COMMENT ON COLUMN samia.payment_methods.expiry_month IS
'Month of expiry, from 1 to 12.

Personal data: null after erasure.';
COMMENT ON COLUMN samia.payment_methods.expiry_year IS
'Year of expiry, four digits.

Personal data: null after erasure.';
COMMENT ON COLUMN samia.payment_methods.is_default IS
'Whether it is its owner''s first choice; at most one is.';
COMMENT ON COLUMN samia.payment_methods.is_verified IS 'Whether the provider confirmed it.';
COMMENT ON COLUMN samia.payment_methods.created_at IS 'When it was added. Time of its first event.';
COMMENT ON COLUMN samia.payment_methods.updated_at IS
'When it last changed. Time of the latest event.';
COMMENT ON COLUMN samia.payment_methods.deleted_at IS
'When it was removed; null while it can be used.';

ALTER TABLE samia.payment_methods ENABLE ROW LEVEL SECURITY;
ALTER TABLE samia.payment_methods FORCE ROW LEVEL SECURITY;

-- policies

-- Owners read their means of payment, but for removed ones.
CREATE POLICY select_own ON samia.payment_methods FOR SELECT TO authenticated
    USING (user_id = (SELECT auth.uid()) AND deleted_at IS NULL);

-- Projectors write; the owner's helpers look in.
CREATE POLICY projector_all ON samia.payment_methods FOR ALL TO projector
    USING (true) WITH CHECK (true);
CREATE POLICY owner_select ON samia.payment_methods FOR SELECT TO annals_owner
    USING (true);

REVOKE ALL ON samia.payment_methods FROM PUBLIC, anon, authenticated;
GRANT SELECT ON samia.payment_methods TO authenticated;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON samia.payment_methods TO projector;
