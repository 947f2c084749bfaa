-- The document asks for views and names none (F134); this one is designed. Rows and suggestions
-- are those that the reader's own policies show. At most one suggestion per item is open
-- (idx_reorder_suggestions_open), so the join adds no row.

CREATE VIEW nestsync.low_stock_items WITH (security_invoker = true) AS
SELECT
    i.family_id,
    i.id AS item_id,
    i.child_id,
    i.name,
    i.quantity,
    i.reorder_threshold,
    r.id AS open_suggestion_id
FROM nestsync.inventory_items i
LEFT JOIN nestsync.reorder_suggestions r ON r.item_id = i.id AND r.status = 'open'
WHERE i.deleted_at IS NULL AND i.quantity < i.reorder_threshold;
ALTER VIEW nestsync.low_stock_items OWNER TO annals_owner;

COMMENT ON VIEW nestsync.low_stock_items IS
'Items that are running out.

Everything in stock below its threshold, with the open suggestion to reorder. Shows what the reader
may see of items and suggestions.';
COMMENT ON COLUMN nestsync.low_stock_items.family_id IS 'Family of the item.';
COMMENT ON COLUMN nestsync.low_stock_items.item_id IS 'Item that is running out.';
COMMENT ON COLUMN nestsync.low_stock_items.child_id IS 'Child it is meant for; null if for anyone.';
COMMENT ON COLUMN nestsync.low_stock_items.name IS 'What it is.';
COMMENT ON COLUMN nestsync.low_stock_items.quantity IS
'How much is in stock, in the item''s units.';
COMMENT ON COLUMN nestsync.low_stock_items.reorder_threshold IS
'Quantity below which a reorder is suggested.';
COMMENT ON COLUMN nestsync.low_stock_items.open_suggestion_id IS
'Suggestion that is open for it; null if none is, or none may be seen.';

REVOKE ALL ON nestsync.low_stock_items FROM PUBLIC, anon, authenticated;
GRANT SELECT ON nestsync.low_stock_items TO authenticated;
