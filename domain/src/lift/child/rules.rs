//! What a child is registered with, and how its state moves.

use super::*;

impl Child {
    /// Moves past a row that was there before the log was.
    pub(super) fn take_over(&mut self, row: &Imported) {
        self.org_id = row.get("org_id");
        self.registered_on = row.get::<DateTime<Utc>>("created_at").map(|at| at.date_naive());
        self.primary_practitioner_id = row.get("primary_practitioner_id");
        let given = row.or_default("consent_given");
        let consent = row.get("consent_type").zip(row.get("consent_date")).filter(|_| given);
        self.consent =
            consent.map(|(consent_type, consent_date)| Consent { consent_type, consent_date });
        self.archived = row.has("deleted_at");
    }
}

impl Child {
    pub(super) fn update(&self, change: UpdateChildDetails) -> Result<Vec<Event>, Refusal> {
        if let (Some(Some(birth)), Some(registered_on)) = (change.date_of_birth, self.registered_on)
        {
            old_enough(birth, registered_on)?;
        }
        let updated = ChildDetailsUpdated {
            first_name: change.first_name.as_deref().map(first_name).transpose()?,
            date_of_birth: change.date_of_birth,
            year_group: change.year_group,
            class_name: change.class_name,
            parent_guardian_name: change.parent_guardian_name,
            parent_guardian_email: change
                .parent_guardian_email
                .map(|email| email.as_deref().map(address).transpose())
                .transpose()?,
            parent_guardian_phone: change.parent_guardian_phone,
            additional_notes: change.additional_notes,
        };
        let same = updated == ChildDetailsUpdated::default();
        Ok(if same { vec![] } else { vec![updated.into()] })
    }

    pub(super) fn consent(
        &self,
        given: &RecordConsent,
        now: DateTime<Utc>,
    ) -> Result<Vec<Event>, Refusal> {
        let (Some(consent_type), Some(consent_date)) = (given.consent_type, given.consent_date)
        else {
            return Err(Refusal::ConsentIncomplete);
        };
        let consent_date = consent_date.trunc_subsecs(6);
        if !(DateTime::UNIX_EPOCH..=now).contains(&consent_date) {
            return Err(Refusal::ConsentIncomplete);
        }
        if self.consent == Some(Consent { consent_type, consent_date }) {
            return Ok(vec![]);
        }
        Ok(vec![ConsentRecorded { consent_type, consent_date }.into()])
    }
}

pub(super) fn registered(
    new: RegisterChild,
    display_id: i32,
    registered_on: NaiveDate,
) -> Result<ChildRegistered, Refusal> {
    if let Some(birth) = new.date_of_birth {
        old_enough(birth, registered_on)?;
    }
    Ok(ChildRegistered {
        org_id: new.org_id,
        display_id,
        registered_on,
        first_name: first_name(&new.first_name)?,
        date_of_birth: new.date_of_birth,
        year_group: new.year_group,
        class_name: new.class_name,
        primary_practitioner_id: new.primary_practitioner_id,
        parent_guardian_name: new.parent_guardian_name,
        parent_guardian_email: new.parent_guardian_email.as_deref().map(address).transpose()?,
        parent_guardian_phone: new.parent_guardian_phone,
        additional_notes: new.additional_notes,
        avatar_character: Some(new.avatar_character.unwrap_or_else(|| "default".to_owned())),
        preferences: Some(new.preferences.unwrap_or_default()),
    })
}

/// Five to eleven years on the day of registration. (lift.rule.child.age)
pub(super) fn old_enough(birth: NaiveDate, registered_on: NaiveDate) -> Result<(), Refusal> {
    match registered_on.years_since(birth) {
        Some(5..=11) => Ok(()),
        _ => Err(Refusal::ChildAgeOutOfRange),
    }
}

/// The first name as it is stored, if it is one word or a hyphenated one. (lift.rule.child.minimal)
pub(super) fn first_name(name: &str) -> Result<String, Refusal> {
    let name = name.trim();
    let of_a_word = |letter: char| {
        !letter.is_whitespace()
            && !letter.is_control()
            && !letter.is_numeric()
            && (letter == '\'' || !letter.is_ascii_punctuation())
    };
    let is_word = |part: &str| !part.is_empty() && part.chars().all(of_a_word);
    if name.chars().count() <= 60 && name.split('-').all(is_word) {
        Ok(name.to_owned())
    } else {
        Err(Refusal::UnknownField)
    }
}

/// The guardian's address as it is stored, if it is one.
pub(super) fn address(email: &str) -> Result<String, Refusal> {
    let email = text::normal_email(email);
    if text::is_email(&email) { Ok(email) } else { Err(Refusal::EmailMalformed) }
}
