//! What a person types to name a stream: `<context>/<aggregate>/<id>`.

use annals_commands::Catalogue;

use crate::{ops::OpsError, settings::nearest};

/// What history is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    /// The kinds of a context.
    Context(&'static str),
    /// The streams of a kind, by its stored name.
    Kind(&'static str),
    /// One stream.
    Stream(&'static str, String),
}

/// Reads an address; `lift.alert/<id>`, the stored form of the name, is understood too.
///
/// # Errors
/// There is no such context or kind; the sentence names the nearest.
pub(super) fn read(text: &str, catalogue: &Catalogue) -> Result<Address, OpsError> {
    let text = text.trim_matches('/');
    let (first, rest) = text.split_once('/').map_or((text, None), |(it, rest)| (it, Some(rest)));
    let (context, aggregate, id) = match first.split_once('.') {
        Some((context, aggregate)) => (context, Some(aggregate), rest),
        None => match rest.map(|rest| rest.split_once('/').unwrap_or((rest, ""))) {
            Some((aggregate, id)) => (first, Some(aggregate), Some(id).filter(|id| !id.is_empty())),
            None => (first, None, None),
        },
    };
    let known = catalogue.contexts().iter().find(|it| it.name == context);
    let known = known.ok_or_else(|| {
        let names = catalogue.contexts().iter().map(|it| it.name);
        unknown("context", context, names)
    })?;
    let Some(aggregate) = aggregate else { return Ok(Address::Context(known.name)) };
    let kind =
        known.aggregates.iter().find(|it| it.short_name() == aggregate).ok_or_else(|| {
            let names = known.aggregates.iter().map(|it| it.short_name());
            unknown(&format!("kind of {context}"), aggregate, names)
        })?;
    Ok(match id {
        Some(id) => Address::Stream(kind.name, id.to_owned()),
        None => Address::Kind(kind.name),
    })
}

fn unknown<'a>(what: &str, word: &str, known: impl Iterator<Item = &'a str>) -> OpsError {
    let known: Vec<_> = known.collect();
    let meant = nearest(word, known.iter().copied());
    let meant = meant.map(|meant| format!("did you mean {meant}? ")).unwrap_or_default();
    OpsError::Usage(format!("there is no {what} {word}; {meant}there are {}", known.join(", ")))
}

/// A stored name as people type it: `lift.alert` is `lift/alert`.
pub(in crate::ops) fn typed(kind: &str) -> String {
    kind.replacen('.', "/", 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Result<Address, String> {
        read(text, &Catalogue::new()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_stream_a_kind_and_a_context_can_be_named() {
        let stream = || Ok(Address::Stream("lift.alert", "a/b".to_owned()));
        assert_eq!(said("lift/alert/a/b"), stream());
        assert_eq!(said("lift.alert/a/b"), stream());
        for kind in ["samia/wallet", "samia/wallet/", "samia.wallet"] {
            assert_eq!(said(kind), Ok(Address::Kind("samia.wallet")), "{kind}");
        }
        assert_eq!(said("nestsync"), Ok(Address::Context("nestsync")));
        assert_eq!(typed("lift.alert"), "lift/alert");
    }

    #[test]
    fn a_slip_is_answered_with_what_was_meant() {
        assert!(said("lfit/alert/1").unwrap_err().contains("did you mean lift?"));
        let wrong = said("lift/alrt/1").unwrap_err();
        assert!(wrong.contains("no kind of lift alrt; did you mean alert?"), "{wrong}");
        assert!(said("").unwrap_err().contains("there are shared"));
    }
}
