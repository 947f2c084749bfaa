//! How an organisation decides, and what it is registered with.

use super::*;

impl Organisation {
    /// Moves past a row that was there before the log was.
    pub(super) fn take_over(&mut self, row: &Imported) {
        self.registered = true;
        self.status = row.or_default("status");
        self.archived = row.has("deleted_at");
        self.subscription_plan = row.or_default("subscription_plan");
        self.max_children = row.get("max_children");
        self.max_practitioners = row.get("max_practitioners");
        // Not columns: the import counts them over the organisation's other rows.
        self.children = row.or_default("children");
        self.last_display_id = row.or_default("last_display_id");
        self.staff = row.or_default("staff");
        self.pending_invitations = row.or_default("pending_invitations");
    }
}

impl Organisation {
    pub(super) fn limit(&self, limits: &SetOrganisationLimits) -> Result<Vec<Event>, Refusal> {
        let max_children = limits.max_children.unwrap_or(self.max_children);
        let max_practitioners = limits.max_practitioners.unwrap_or(self.max_practitioners);
        if limits.max_children.is_some() {
            at_least(max_children, self.children)?;
        }
        if limits.max_practitioners.is_some() {
            at_least(max_practitioners, self.staff_places())?;
        }
        let same = (max_children, max_practitioners) == (self.max_children, self.max_practitioners);
        let set = OrganisationLimitsSet { max_children, max_practitioners };
        Ok(if same { vec![] } else { vec![set.into()] })
    }

    pub(super) fn turn(&self, status: OrganisationStatus, event: impl Into<Event>) -> Vec<Event> {
        if self.status == status { vec![] } else { vec![event.into()] }
    }

    pub(super) fn allocate(&self, child_id: Uuid) -> Result<Vec<Event>, Refusal> {
        match self.max_children {
            Some(most) if self.children >= most => Err(Refusal::ChildLimitReached { most }),
            _ => {
                let (display_id, children) = (self.last_display_id + 1, self.children + 1);
                Ok(vec![ChildNumberAllocated { child_id, display_id, children }.into()])
            }
        }
    }

    /// Places of staff that are taken, invitations included.
    pub(super) const fn staff_places(&self) -> i32 {
        self.staff + self.pending_invitations
    }

    pub(super) fn room_for_staff(&self) -> Result<(), Refusal> {
        match self.max_practitioners {
            Some(most) if self.staff_places() >= most => {
                Err(Refusal::PractitionerLimitReached { most })
            }
            _ => Ok(()),
        }
    }
}

/// That a limit is positive and not below use. (lift.rule.organisation.limits_floor)
pub(super) fn at_least(limit: Option<i32>, used: i32) -> Result<(), Refusal> {
    let least = used.max(1);
    if limit.is_some_and(|limit| limit < least) {
        return Err(Refusal::LimitBelowUse { least });
    }
    Ok(())
}

pub(super) fn registered(new: RegisterOrganisation) -> Result<OrganisationRegistered, Refusal> {
    let max_children = new.max_children.unwrap_or(Some(MAX_CHILDREN));
    let max_practitioners = new.max_practitioners.unwrap_or(Some(MAX_PRACTITIONERS));
    at_least(max_children, 0)?;
    at_least(max_practitioners, 0)?;
    Ok(OrganisationRegistered {
        name: name(&new.name)?,
        r#type: new.r#type,
        address_line_1: new.address_line_1,
        address_line_2: new.address_line_2,
        city: new.city,
        postcode: new.postcode,
        country: new.country.unwrap_or_else(|| Some("UK".to_owned())),
        phone: new.phone,
        email: new.email.as_deref().map(address).transpose()?,
        website: new.website,
        status: new.status.unwrap_or_default(),
        subscription_plan: new.subscription_plan.unwrap_or_default(),
        max_children,
        max_practitioners,
        settings: new.settings.unwrap_or_default(),
    })
}

pub(super) fn updated(change: UpdateOrganisationDetails) -> Result<Vec<Event>, Refusal> {
    let email = change.email.map(|email| email.as_deref().map(address).transpose());
    let updated = OrganisationDetailsUpdated {
        name: change.name.as_deref().map(name).transpose()?,
        r#type: change.r#type,
        address_line_1: change.address_line_1,
        address_line_2: change.address_line_2,
        city: change.city,
        postcode: change.postcode,
        country: change.country,
        phone: change.phone,
        email: email.transpose()?,
        website: change.website,
    };
    let same = updated == OrganisationDetailsUpdated::default();
    Ok(if same { vec![] } else { vec![updated.into()] })
}

/// The name as it is stored, if there is one.
pub(super) fn name(name: &str) -> Result<String, Refusal> {
    let name = name.trim();
    if name.is_empty() { Err(Refusal::NameMissing) } else { Ok(name.to_owned()) }
}

/// The address as it is stored, if it is one.
pub(super) fn address(email: &str) -> Result<String, Refusal> {
    let email = text::normal_email(email);
    if text::is_email(&email) { Ok(email) } else { Err(Refusal::EmailMalformed) }
}
