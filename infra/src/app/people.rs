//! The people of the demo.

use uuid::{Uuid, uuid};

/// Somebody in the demo.
#[derive(Debug, Clone, Copy)]
pub struct Person {
    /// What they are called on the command line.
    pub name: &'static str,
    /// The token's subject.
    pub id: Uuid,
    /// The token's `role`, or `operator`.
    pub role: &'static str,
    /// Their address, if they have one.
    pub email: Option<&'static str>,
    /// Who they are, in a few words.
    pub about: &'static str,
}

const fn person(name: &'static str, id: Uuid, email: &'static str, about: &'static str) -> Person {
    Person { name, id, role: "authenticated", email: Some(email), about }
}

/// Everybody in the demo.
pub const PEOPLE: &[Person] = &[
    Person {
        name: "system",
        id: uuid!("0a000000-0000-7000-8000-000000000001"),
        role: "service_role",
        email: None,
        about: "a service acting as itself",
    },
    Person {
        name: "operator",
        id: uuid!("0a000000-0000-7000-8000-000000000002"),
        role: "operator",
        email: None,
        about: "whoever runs the platform",
    },
    person(
        "ava",
        uuid!("0b000000-0000-7000-8000-000000000001"),
        "ava@lift.example",
        "The Lift: Account, the platform's administrator",
    ),
    person(
        "gina",
        uuid!("0b000000-0000-7000-8000-000000000002"),
        "gina@oakfield.example",
        "The Lift: GroupContact of Oakfield School",
    ),
    person(
        "paul",
        uuid!("0b000000-0000-7000-8000-000000000003"),
        "paul@oakfield.example",
        "The Lift: Practitioner at Oakfield School",
    ),
    person(
        "kit",
        uuid!("0b000000-0000-7000-8000-000000000004"),
        "kit@oakfield.example",
        "The Lift: a child at Oakfield School",
    ),
    person(
        "remy",
        uuid!("0b000000-0000-7000-8000-000000000005"),
        "remy@riverside.example",
        "The Lift: Practitioner at Riverside Clinic, another organisation",
    ),
    person(
        "cleo",
        uuid!("0b000000-0000-7000-8000-000000000006"),
        "cleo@riverside.example",
        "The Lift: GroupContact of Riverside Clinic",
    ),
    person(
        "gus",
        uuid!("0b000000-0000-7000-8000-000000000007"),
        "gus@oakfield.example",
        "The Lift: a suspended Practitioner of Oakfield School",
    ),
    person(
        "lia",
        uuid!("0b000000-0000-7000-8000-000000000008"),
        "lia@oakfield.example",
        "The Lift: another child at Oakfield School",
    ),
    person(
        "zoe",
        uuid!("0b000000-0000-7000-8000-000000000009"),
        "zoe@riverside.example",
        "The Lift: a child at Riverside Clinic",
    ),
    person(
        "sam",
        uuid!("0c000000-0000-7000-8000-000000000001"),
        "sam@tarot.example",
        "SAMIA TAROT: super admin",
    ),
    person(
        "clara",
        uuid!("0c000000-0000-7000-8000-000000000002"),
        "clara@tarot.example",
        "SAMIA TAROT: a client with a wallet",
    ),
    person(
        "dora",
        uuid!("0c000000-0000-7000-8000-000000000003"),
        "dora@tarot.example",
        "SAMIA TAROT: another client",
    ),
    person(
        "rhea",
        uuid!("0c000000-0000-7000-8000-000000000004"),
        "rhea@tarot.example",
        "SAMIA TAROT: a reader",
    ),
    person(
        "mona",
        uuid!("0c000000-0000-7000-8000-000000000005"),
        "mona@tarot.example",
        "SAMIA TAROT: a monitor",
    ),
    person(
        "adam",
        uuid!("0c000000-0000-7000-8000-000000000006"),
        "adam@tarot.example",
        "SAMIA TAROT: an admin",
    ),
    person(
        "iris",
        uuid!("0c000000-0000-7000-8000-000000000007"),
        "iris@tarot.example",
        "SAMIA TAROT: a client who was deactivated",
    ),
    person(
        "ruth",
        uuid!("0e000000-0000-7000-8000-000000000001"),
        "ruth@records.example",
        "Restorative Records: a person with a record",
    ),
    person(
        "abel",
        uuid!("0e000000-0000-7000-8000-000000000002"),
        "abel@records.example",
        "Restorative Records: another person with a record",
    ),
    person(
        "nora",
        uuid!("0d000000-0000-7000-8000-000000000001"),
        "nora@family.example",
        "NestSync: owner of the Nest family",
    ),
    person(
        "carl",
        uuid!("0d000000-0000-7000-8000-000000000002"),
        "carl@family.example",
        "NestSync: caregiver in the Nest family",
    ),
    person(
        "vic",
        uuid!("0d000000-0000-7000-8000-000000000003"),
        "vic@family.example",
        "NestSync: may look at the Nest family's things",
    ),
    person(
        "otto",
        uuid!("0d000000-0000-7000-8000-000000000004"),
        "otto@family.example",
        "NestSync: owner of another family",
    ),
    person(
        "pia",
        uuid!("0d000000-0000-7000-8000-000000000005"),
        "pia@family.example",
        "NestSync: left the Nest family",
    ),
    person(
        "root",
        uuid!("0d000000-0000-7000-8000-000000000006"),
        "root@family.example",
        "NestSync: system administrator",
    ),
    person(
        "wanda",
        uuid!("0f000000-0000-7000-8000-000000000001"),
        "wanda@willow.example",
        "Write Care Notes: administrator of Willow Care",
    ),
    person(
        "nia",
        uuid!("0f000000-0000-7000-8000-000000000002"),
        "nia@willow.example",
        "Write Care Notes: nurse at Willow Care",
    ),
    person(
        "milo",
        uuid!("0f000000-0000-7000-8000-000000000003"),
        "milo@manor.example",
        "Write Care Notes: administrator of Manor Care, another organization",
    ),
    person(
        "rob",
        uuid!("0f000000-0000-7000-8000-000000000004"),
        "rob@willow.example",
        "Write Care Notes: left Willow Care",
    ),
];

/// Somebody by name.
#[must_use]
pub fn named(name: &str) -> Option<&'static Person> {
    PEOPLE.iter().find(|person| person.name == name)
}
