//! The tokens of the demo's actors.

use std::{collections::BTreeMap, fs, path::Path};

use crate::settings::nearest;

/// Where `annals dev` writes them: a JSON object from actor to token.
pub const TOKENS: &str = ".dev/tokens.json";

/// Every actor that has a token, with it.
///
/// # Errors
/// The file is not there, or is not one of tokens.
pub fn actors(path: &Path) -> Result<BTreeMap<String, String>, String> {
    let text = fs::read_to_string(path)
        .map_err(|error| format!("{}: {error}; `annals dev` writes it", path.display()))?;
    serde_json::from_str(&text)
        .map_err(|_| format!("{}: expected an object from actor to token", path.display()))
}

/// The token of an actor.
///
/// # Errors
/// There are no tokens, or none for this actor; the sentence names those there are.
pub fn token_of(path: &Path, actor: &str) -> Result<String, String> {
    let mut actors = actors(path)?;
    if let Some(token) = actors.remove(actor) {
        return Ok(token);
    }
    let names: Vec<_> = actors.keys().map(String::as_str).collect();
    let meant = nearest(actor, names.iter().copied());
    let meant = meant.map(|meant| format!("did you mean {meant}? ")).unwrap_or_default();
    Err(format!("there is no actor {actor}; {meant}there are {}", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_actor_is_found_by_name_or_the_nearest_is_told() {
        let path = std::env::temp_dir().join(format!("annals-tokens-{}", uuid::Uuid::new_v4()));
        assert!(token_of(&path, "ada").unwrap_err().contains("`annals dev` writes it"));
        fs::write(&path, r#"{"ada": "a.b.c", "grace": "d.e.f"}"#).unwrap();
        assert_eq!(token_of(&path, "ada").as_deref(), Ok("a.b.c"));
        let said = token_of(&path, "grcae").unwrap_err();
        assert_eq!(said, "there is no actor grcae; did you mean grace? there are ada, grace");
        fs::write(&path, r#"["s3cr3t"]"#).unwrap();
        let said = token_of(&path, "ada").unwrap_err();
        assert!(said.contains("from actor to token") && !said.contains("s3cr3t"));
        fs::remove_file(&path).unwrap();
    }
}
