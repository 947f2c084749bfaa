//! How an item decides, and what counts as a quantity.

use super::*;

impl InventoryItem {
    /// Moves past a row that was there before the log was.
    pub(super) fn take_over(&mut self, row: &Imported) {
        match row.table() {
            "usage_logs" => self.used_before(row),
            "usage_analytics" => {
                if let Ok(total) = serde_json::from_value(row.row.clone().into()) {
                    self.uses.add_up(&[total]);
                }
            }
            "reorder_suggestions" => {
                let id = row.or_default("id");
                match row.or_default::<String>("status").as_str() {
                    "open" => self.open_suggestion = Some(id),
                    "accepted" => drop(self.accepted_suggestions.insert(id)),
                    _ => {}
                }
            }
            _ => {
                self.family_id = row.get("family_id");
                self.quantity = row.or_default("quantity");
                self.reorder_threshold = row.get("reorder_threshold");
                self.reorder_quantity = row.get("reorder_quantity");
                self.removed = row.has("deleted_at");
            }
        }
    }

    pub(super) fn used_before(&mut self, row: &Imported) {
        let id = row.or_default("id");
        if row.has("voided_at") {
            self.voided.insert(id);
            return;
        }
        let used_at: DateTime<Utc> = row.or_default("used_at");
        // Not a column: the import reckons it in the family's time zone.
        let used_on = row.get("used_on").unwrap_or(used_at.date_naive());
        let used = Use { quantity: row.or_default("quantity"), used_at, used_on };
        self.uses.count(id, used, &[]);
    }
}

impl InventoryItem {
    pub(super) fn add(
        &self,
        new: AddInventoryItem,
        moment: &Moment,
    ) -> Result<Vec<Event>, Refusal> {
        if self.family_id.is_some() {
            return Err(Refusal::ItemAlreadyAdded);
        }
        let quantity = new.quantity.as_ref().map(|it| stock("quantity", it)).transpose()?;
        let added = InventoryItemAdded {
            family_id: new.family_id,
            child_id: new.child_id,
            category: new.category,
            name: name(new.name)?,
            brand: new.brand,
            size: new.size,
            unit: unit(new.unit.unwrap_or_else(|| "piece".to_owned()))?,
            quantity: quantity.unwrap_or(Amount::ZERO),
            reorder_threshold: threshold(new.reorder_threshold.as_ref())?,
            reorder_quantity: reorder(new.reorder_quantity.as_ref())?,
            expires_on: new.expires_on,
            created_by: moment.actor,
        };
        Ok(vec![added.into()])
    }

    pub(super) fn update(&self, change: UpdateInventoryItem) -> Result<Vec<Event>, Refusal> {
        self.present()?;
        let updated = InventoryItemUpdated {
            child_id: change.child_id,
            category: change.category,
            name: change.name.map(name).transpose()?,
            brand: change.brand,
            size: change.size,
            unit: change.unit.map(unit).transpose()?,
            expires_on: change.expires_on,
        };
        if updated == InventoryItemUpdated::default() {
            return Ok(vec![]);
        }
        Ok(vec![updated.into()])
    }

    pub(super) fn set_threshold(&self, asked: &SetReorderThreshold) -> Result<Vec<Event>, Refusal> {
        self.present()?;
        let set = ReorderThresholdSet {
            reorder_threshold: match &asked.reorder_threshold {
                Some(given) => threshold(given.as_ref())?,
                None => self.reorder_threshold,
            },
            reorder_quantity: match &asked.reorder_quantity {
                Some(given) => reorder(given.as_ref())?,
                None => self.reorder_quantity,
            },
        };
        if set.reorder_threshold == self.reorder_threshold
            && set.reorder_quantity == self.reorder_quantity
        {
            return Ok(vec![]);
        }
        Ok(vec![set.into()])
    }

    pub(super) fn restock(&self, quantity: &Quantity) -> Result<Vec<Event>, Refusal> {
        self.present()?;
        let restocked = moved("quantity", quantity)?;
        let quantity = self.increased_by(restocked)?;
        Ok(vec![ItemRestocked { restocked, quantity }.into()])
    }

    pub(super) fn adjust(&self, quantity: &Quantity) -> Result<Vec<Event>, Refusal> {
        self.present()?;
        let quantity = stock("quantity", quantity)?;
        if quantity == self.quantity {
            return Ok(vec![]);
        }
        Ok(vec![StockAdjusted { quantity }.into()])
    }

    pub(super) fn log(&self, usage: Usage, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        let Usage { asked: usage, timezone } = usage;
        let family_id = self.present()?;
        let zone = calendar::zone(&timezone).ok_or(Refusal::TimezoneUnknown)?;
        let quantity = moved("quantity", &usage.quantity)?;
        let used_at = usage.used_at.map_or(moment.now, |at| at.trunc_subsecs(6));
        if used_at > moment.now {
            return Err(Refusal::UsedInFuture);
        }
        let Some(quantity_after) = self.quantity.minus(quantity) else {
            return Err(Refusal::NotEnoughStock { quantity: self.quantity });
        };
        let counted = Use { quantity, used_at, used_on: calendar::day_in(zone, used_at) };
        let totals = self.uses.with(&counted);
        let used = ItemUsed {
            usage_id: moment.new_id(),
            subject_id: usage.child_id.unwrap_or(moment.actor),
            family_id,
            child_id: usage.child_id,
            quantity,
            quantity_after,
            used_at,
            logged_by: moment.actor,
            notes: usage.notes,
            usage_analytics: totals.ok_or(Refusal::QuantityInvalid { field: "quantity" })?,
        };
        Ok(vec![used.into()])
    }

    pub(super) fn void(&self, usage_id: Uuid, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        let family_id = self.present()?;
        if self.voided.contains(&usage_id) {
            return Err(Refusal::UsageAlreadyVoided);
        }
        let used = self.uses.get(usage_id).ok_or(Refusal::UsageUnknown)?;
        let voided = UsageLogVoided {
            usage_id,
            family_id,
            voided_at: moment.now,
            quantity: self.increased_by(used.quantity)?,
            usage_analytics: self.uses.without(usage_id, used),
        };
        Ok(vec![voided.into()])
    }

    pub(super) fn suggest(&self, moment: &Moment) -> Result<Vec<Event>, Refusal> {
        let family_id = self.present()?;
        if self.open_suggestion.is_some() {
            return Err(Refusal::SuggestionAlreadyOpen);
        }
        let Some(threshold) = self.low() else { return Ok(vec![]) };
        let suggested = ReorderSuggested {
            suggestion_id: moment.new_id(),
            family_id,
            suggested_quantity: self.reorder_quantity.unwrap_or(self.missing(threshold)),
            quantity_at_suggestion: self.quantity,
            threshold_at_suggestion: threshold,
            status: SuggestionStatus::Open,
        };
        Ok(vec![suggested.into()])
    }

    /// Twice the threshold less what is there, as far as the tables hold it.
    pub(super) fn missing(&self, threshold: Amount) -> Amount {
        let twice = threshold.plus(threshold).and_then(|twice| twice.minus(self.quantity));
        twice.unwrap_or(LARGEST).min(LARGEST)
    }

    /// The open proposal, if it is the one that is meant.
    pub(super) fn open(&self, meant: Option<Uuid>) -> Result<Uuid, Refusal> {
        let open = self.open_suggestion.filter(|open| meant.is_none_or(|meant| meant == *open));
        open.ok_or(Refusal::SuggestionNotOpen)
    }

    pub(super) fn accept(
        &self,
        meant: Option<Uuid>,
        moment: &Moment,
    ) -> Result<Vec<Event>, Refusal> {
        self.present()?;
        let accepted = ReorderSuggestionAccepted {
            suggestion_id: self.open(meant)?,
            status: SuggestionStatus::Accepted,
            decided_by: moment.actor,
            decided_at: moment.now,
        };
        Ok(vec![accepted.into()])
    }

    /// Also of a removed item: that is when the system dismisses.
    pub(super) fn dismiss(
        &self,
        dismissal: &Dismissal,
        moment: &Moment,
    ) -> Result<Vec<Event>, Refusal> {
        let dismissed = ReorderSuggestionDismissed {
            suggestion_id: self.open(dismissal.asked.suggestion_id)?,
            status: SuggestionStatus::Dismissed,
            decided_by: dismissal.decided_by,
            decided_at: moment.now,
        };
        Ok(vec![dismissed.into()])
    }

    /// Nothing is fulfilled while the item is still low.
    pub(super) fn fulfil(
        &self,
        meant: Option<Uuid>,
        moment: &Moment,
    ) -> Result<Vec<Event>, Refusal> {
        let live = self.open_suggestion.iter().chain(&self.accepted_suggestions);
        let live: Vec<Uuid> =
            live.copied().filter(|live| meant.is_none_or(|meant| meant == *live)).collect();
        if meant.is_some() && live.is_empty() {
            return Err(Refusal::SuggestionNotOpen);
        }
        if self.low().is_some() {
            return Ok(vec![]);
        }
        let (status, decided_at) = (SuggestionStatus::Fulfilled, moment.now);
        let fulfilled =
            |suggestion_id| ReorderSuggestionFulfilled { suggestion_id, status, decided_at }.into();
        Ok(live.into_iter().map(fulfilled).collect())
    }

    /// A use counts on the day for which its event adds it up.
    pub(super) fn count(&mut self, used: &ItemUsed) {
        let day = used.usage_analytics.iter().find(|total| total.period == Period::Day);
        let counted = Use {
            quantity: used.quantity,
            used_at: used.used_at,
            used_on: day.map_or(used.used_at.date_naive(), |day| day.period_start),
        };
        self.uses.count(used.usage_id, counted, &used.usage_analytics);
    }

    pub(super) fn close(&mut self, suggestion_id: Uuid) {
        if self.open_suggestion == Some(suggestion_id) {
            self.open_suggestion = None;
        }
        self.accepted_suggestions.remove(&suggestion_id);
    }

    /// The stock with so much more, if the tables can hold it.
    pub(super) fn increased_by(&self, more: Amount) -> Result<Amount, Refusal> {
        let sum = self.quantity.plus(more).filter(|sum| *sum <= LARGEST);
        sum.ok_or(Refusal::QuantityInvalid { field: "quantity" })
    }
}

/// A quantity that moves: used, restocked.
pub(super) fn moved(field: &'static str, quantity: &Quantity) -> Result<Amount, Refusal> {
    quantity.positive().ok_or(Refusal::QuantityInvalid { field })
}

/// A quantity that is there.
pub(super) fn stock(field: &'static str, quantity: &Quantity) -> Result<Amount, Refusal> {
    quantity.not_negative().ok_or(Refusal::QuantityInvalid { field })
}

pub(super) fn threshold(quantity: Option<&Quantity>) -> Result<Option<Amount>, Refusal> {
    quantity.map(|quantity| stock("reorder_threshold", quantity)).transpose()
}

pub(super) fn reorder(quantity: Option<&Quantity>) -> Result<Option<Amount>, Refusal> {
    quantity.map(|quantity| moved("reorder_quantity", quantity)).transpose()
}

pub(super) fn name(name: String) -> Result<String, Refusal> {
    if is_filled(&name) { Ok(name) } else { Err(Refusal::NameBlank) }
}

pub(super) fn unit(unit: String) -> Result<String, Refusal> {
    if is_filled(&unit) { Ok(unit) } else { Err(Refusal::UnitBlank) }
}
