//! Members of a JSON object, as source text.

use std::fmt;

use far_core::provider::ProviderError;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserializer, de};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

/// Returns one member of an object.
///
/// # Errors
///
/// `NotFound` if the member is absent, `Invalid` if it is duplicated or `object` is not an object.
pub(super) fn member<'a>(object: &'a RawValue, name: &str) -> Result<&'a RawValue, ProviderError> {
    let mut reader = serde_json::Deserializer::from_str(object.get());
    // The parser's error may quote the body.
    let found = reader.deserialize_map(MemberVisitor(name)).map_err(|_| ProviderError::Invalid)?;
    found.ok_or(ProviderError::NotFound)
}

/// Returns an object without one member; the other values stay verbatim.
///
/// # Errors
///
/// `Invalid` if `object` is not an object.
pub(super) fn without(object: &RawValue, name: &str) -> Result<Zeroizing<Vec<u8>>, ProviderError> {
    let mut reader = serde_json::Deserializer::from_str(object.get());
    // The result is never longer than the input: a buffer that reallocates leaves a copy behind.
    let mut rest = Zeroizing::new(Vec::with_capacity(object.get().len()));
    rest.push(b'{');
    reader.deserialize_map(RemoveVisitor { name, rest: &mut rest }).map_err(|_| ProviderError::Invalid)?;
    rest.push(b'}');
    Ok(rest)
}

struct RemoveVisitor<'n> {
    name: &'n str,
    rest: &'n mut Vec<u8>,
}

impl<'de> Visitor<'de> for RemoveVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
            if name == self.name {
                continue;
            }
            if self.rest.len() > 1 {
                self.rest.push(b',');
            }
            serde_json::to_writer(&mut *self.rest, &name).map_err(de::Error::custom)?;
            self.rest.push(b':');
            self.rest.extend_from_slice(value.get().as_bytes());
        }
        Ok(())
    }
}

struct MemberVisitor<'n>(&'n str);

impl<'de> Visitor<'de> for MemberVisitor<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(name) = map.next_key::<String>()? {
            if name != self.0 {
                map.next_value::<IgnoredAny>()?;
            } else if found.replace(map.next_value::<&RawValue>()?).is_some() {
                return Err(de::Error::custom("duplicate member"));
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn member_is_unique() {
        let object: &RawValue = serde_json::from_str(r#"{"a": 1, "\u0062": "x", "c": 1, "c": 2}"#).unwrap();
        let of = |name| member(object, name).map(RawValue::get);
        assert_eq!((of("a"), of("b")), (Ok("1"), Ok("\"x\"")));
        assert_eq!((of("d"), of("c")), (Err(ProviderError::NotFound), Err(ProviderError::Invalid)));
        let list: &RawValue = serde_json::from_str("[1]").unwrap();
        assert_eq!(member(list, "a").map(RawValue::get), Err(ProviderError::Invalid));
    }

    #[test]
    fn removing_member_does_not_reallocate() {
        for (object, rest) in [
            (r#"{"a": 1, "t": 2, "b": {"t": 3}}"#, r#"{"a":1,"b":{"t": 3}}"#),
            (r#"{"t":1,"\u0074":2}"#, "{}"),
            (r#"{"\u0001\"":"x"}"#, r#"{"\u0001\"":"x"}"#),
            ("{}", "{}"),
        ] {
            let left = without(serde_json::from_str(object).unwrap(), "t").unwrap();
            assert_eq!(left.as_slice(), rest.as_bytes());
            assert_eq!(left.capacity(), object.len(), "{object}");
        }
        let list: &RawValue = serde_json::from_str("[1]").unwrap();
        assert_eq!(without(list, "t").err(), Some(ProviderError::Invalid));
    }
}
