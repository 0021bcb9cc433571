//! Names of repositories and tags, which cannot refer to another path of the API.

/// Checks a repository name: parts in lower case, separated by slashes.
pub(crate) fn repository(text: &str) -> Result<&str, far_skill::Error> {
    let is_inner = |character: char| matches!(character, '.' | '_' | '-');
    let is_plain = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit();
    let is_part = |part: &str| {
        part.starts_with(is_plain) && part.ends_with(is_plain) && part.chars().all(|c| is_plain(c) || is_inner(c))
    };
    if text.len() <= 255 && text.split('/').all(is_part) {
        return Ok(text);
    }
    Err(format!("{text:?} is not a valid repository name").into())
}

/// Checks a tag.
pub(crate) fn tag(text: &str) -> Result<&str, far_skill::Error> {
    let is_word = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let is_tag = |character: char| is_word(character) || matches!(character, '.' | '-');
    if text.len() <= 128 && text.starts_with(is_word) && text.chars().all(is_tag) {
        return Ok(text);
    }
    Err(format!("{text:?} is not a valid tag").into())
}
