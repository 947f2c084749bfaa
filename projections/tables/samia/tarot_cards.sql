-- The document leaves this table unguarded (F088). Values listed in comments are checks (F113),
-- and a suit goes with a minor card (F114).

CREATE TABLE samia.tarot_cards (
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    card_key character varying(100) NOT NULL,
    name character varying(255) NOT NULL,
    arcana_type character varying(10) NOT NULL,
    suit character varying(20),
    number integer,
    image_url text NOT NULL,
    description text,
    upright_meaning text NOT NULL,
    reversed_meaning text NOT NULL,
    upright_keywords text[] DEFAULT '{}',
    reversed_keywords text[] DEFAULT '{}',
    love_upright text,
    love_reversed text,
    career_upright text,
    career_reversed text,
    finance_upright text,
    finance_reversed text,
    health_upright text,
    health_reversed text,
    spiritual_upright text,
    spiritual_reversed text,
    element character varying(20),
    planet character varying(50),
    zodiac_sign character varying(50),
    hebrew_letter character varying(10),
    numerology integer,
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now(),
    CONSTRAINT tarot_cards_pkey PRIMARY KEY (id),
    CONSTRAINT tarot_cards_card_key_key UNIQUE (card_key),
    CONSTRAINT tarot_cards_arcana_type_check CHECK (arcana_type IN ('major', 'minor')),
    CONSTRAINT tarot_cards_element_check CHECK (element IN ('fire', 'water', 'earth', 'air')),
    CONSTRAINT tarot_cards_suit_check CHECK ((arcana_type = 'major') = (suit IS NULL))
);
ALTER TABLE samia.tarot_cards OWNER TO annals_owner;

-- idx_tarot_cards_key is the index of the unique constraint on card_key (F024).
CREATE INDEX idx_tarot_cards_arcana ON samia.tarot_cards (arcana_type);
CREATE INDEX idx_tarot_cards_suit ON samia.tarot_cards (suit);

COMMENT ON TABLE samia.tarot_cards IS
'The deck: meanings, keywords and correspondences of each card.

Readable by everyone, signed in or not. Kept by admins.';
COMMENT ON COLUMN samia.tarot_cards.id IS 'The card. From the event that added it.';
COMMENT ON COLUMN samia.tarot_cards.card_key IS 'Short name of the card, unique and never changed.';
COMMENT ON COLUMN samia.tarot_cards.name IS 'Name of the card.';
COMMENT ON COLUMN samia.tarot_cards.arcana_type IS 'major or minor.';
COMMENT ON COLUMN samia.tarot_cards.suit IS 'Suit of a minor card; null for a major one.';
COMMENT ON COLUMN samia.tarot_cards.number IS 'Number within the arcana or suit.';
COMMENT ON COLUMN samia.tarot_cards.image_url IS 'Address of the picture.';
COMMENT ON COLUMN samia.tarot_cards.description IS 'What the picture shows.';
COMMENT ON COLUMN samia.tarot_cards.upright_meaning IS 'Meaning when upright.';
COMMENT ON COLUMN samia.tarot_cards.reversed_meaning IS 'Meaning when reversed.';
COMMENT ON COLUMN samia.tarot_cards.upright_keywords IS 'Keywords when upright.';
COMMENT ON COLUMN samia.tarot_cards.reversed_keywords IS 'Keywords when reversed.';
COMMENT ON COLUMN samia.tarot_cards.love_upright IS 'Meaning for love when upright.';
COMMENT ON COLUMN samia.tarot_cards.love_reversed IS 'Meaning for love when reversed.';
COMMENT ON COLUMN samia.tarot_cards.career_upright IS 'Meaning for work when upright.';
COMMENT ON COLUMN samia.tarot_cards.career_reversed IS 'Meaning for work when reversed.';
COMMENT ON COLUMN samia.tarot_cards.finance_upright IS 'Meaning for money when upright.';
COMMENT ON COLUMN samia.tarot_cards.finance_reversed IS 'Meaning for money when reversed.';
COMMENT ON COLUMN samia.tarot_cards.health_upright IS 'Meaning for health when upright.';
COMMENT ON COLUMN samia.tarot_cards.health_reversed IS 'Meaning for health when reversed.';
COMMENT ON COLUMN samia.tarot_cards.spiritual_upright IS 'Meaning for the spirit when upright.';
COMMENT ON COLUMN samia.tarot_cards.spiritual_reversed IS 'Meaning for the spirit when reversed.';
COMMENT ON COLUMN samia.tarot_cards.element IS 'fire, water, earth or air.';
COMMENT ON COLUMN samia.tarot_cards.planet IS 'Planet the card corresponds to.';
COMMENT ON COLUMN samia.tarot_cards.zodiac_sign IS 'Sign of the zodiac it corresponds to.';
COMMENT ON COLUMN samia.tarot_cards.hebrew_letter IS 'Hebrew letter it corresponds to.';
COMMENT ON COLUMN samia.tarot_cards.numerology IS 'Number it corresponds to.';
COMMENT ON COLUMN samia.tarot_cards.created_at IS
'When the card was added. Time of its first event.';
COMMENT ON COLUMN samia.tarot_cards.updated_at IS
'When the card was last revised. Time of the latest event.';

ALTER TABLE samia.tarot_cards ENABLE ROW LEVEL SECURITY;
ALTER TABLE samia.tarot_cards FORCE ROW LEVEL SECURITY;

-- policies

-- Everyone reads the deck, signed in or not.
CREATE POLICY select_all ON samia.tarot_cards FOR SELECT TO authenticated, anon
    USING (true);

-- Projectors write; the owner's helpers look in.
CREATE POLICY projector_all ON samia.tarot_cards FOR ALL TO projector
    USING (true) WITH CHECK (true);
CREATE POLICY owner_select ON samia.tarot_cards FOR SELECT TO annals_owner
    USING (true);

REVOKE ALL ON samia.tarot_cards FROM PUBLIC, anon, authenticated;
GRANT SELECT ON samia.tarot_cards TO authenticated, anon;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON samia.tarot_cards TO projector;
