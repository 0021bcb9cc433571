//! Schemas of the types that serde deserializes itself.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::{Node, Piece, Schema};

macro_rules! fixed {
    ($($type:ty => $members:expr),+ $(,)?) => {$(
        impl Schema for $type {
            const SCHEMA: Node = Node { description: None, members: &$members };
        }
    )+};
}

fixed! {
    bool => [Piece::Text(r#""type":"boolean""#)],
    char => [Piece::Text(r#""type":"string","minLength":1,"maxLength":1"#)],
    str => [Piece::Text(r#""type":"string""#)],
    String => [Piece::Text(r#""type":"string""#)],
    f32 => [Piece::Text(r#""type":"number""#)],
    f64 => [Piece::Text(r#""type":"number""#)],
    () => [Piece::Text(r#""type":"null""#)],
    u128 => [Piece::Text(r#""type":"integer","minimum":0,"maximum":340282366920938463463374607431768211455"#)],
    Value => [],
    IgnoredAny => [],
    Map<String, Value> => [Piece::Text(r#""type":"object""#)],
}

macro_rules! integer {
    ($($type:ty),+) => {
        fixed! {$(
            $type => [
                Piece::Text(r#""type":"integer","minimum":"#),
                Piece::Integer(<$type>::MIN as i128),
                Piece::Text(r#","maximum":"#),
                Piece::Integer(<$type>::MAX as i128),
            ]
        ),+}
    };
}

integer!(u8, u16, u32, u64, usize, i8, i16, i32, i64, i128, isize);

macro_rules! same_as {
    ($([$($generics:tt)*] $type:ty => $inner:ty),+ $(,)?) => {$(
        impl<$($generics)*> Schema for $type {
            const SCHEMA: Node = <$inner as Schema>::SCHEMA;
            const REQUIRED: bool = <$inner as Schema>::REQUIRED;
        }
    )+};
}

same_as! {
    [T: Schema + ?Sized] Box<T> => T,
    [T: Schema + ?Sized] &T => T,
    [T: Schema + ToOwned + ?Sized] Cow<'_, T> => T,
    [T: Schema] VecDeque<T> => [T],
    [T: Schema] Vec<T> => [T],
    [T: Schema] BTreeSet<T> => [T],
    [T: Schema, S] HashSet<T, S> => [T],
    [T: Schema, S] HashMap<String, T, S> => BTreeMap<String, T>,
}

impl<T: Schema> Schema for Option<T> {
    const SCHEMA: Node = Node {
        description: None,
        members: &[Piece::Text(r#""anyOf":["#), Piece::Schema(None, &T::SCHEMA), Piece::Text(r#",{"type":"null"}]"#)],
    };
    const REQUIRED: bool = false;
}

impl<T: Schema> Schema for [T] {
    const SCHEMA: Node = Node {
        description: None,
        members: &[Piece::Text(r#""type":"array","items":"#), Piece::Schema(None, &T::SCHEMA)],
    };
}

impl<T: Schema, const N: usize> Schema for [T; N] {
    const SCHEMA: Node = Node {
        description: None,
        members: &[
            Piece::Text(r#""type":"array","items":"#),
            Piece::Schema(None, &T::SCHEMA),
            Piece::Text(r#","minItems":"#),
            Piece::Integer(N as i128),
            Piece::Text(r#","maxItems":"#),
            Piece::Integer(N as i128),
        ],
    };
}

impl<T: Schema> Schema for BTreeMap<String, T> {
    const SCHEMA: Node = Node {
        description: None,
        members: &[Piece::Text(r#""type":"object","additionalProperties":"#), Piece::Schema(None, &T::SCHEMA)],
    };
}

macro_rules! tuple {
    ($count:literal: $first:ident $($type:ident)*) => {
        impl<$first: Schema, $($type: Schema),*> Schema for ($first, $($type,)*) {
            const SCHEMA: Node = Node {
                description: None,
                members: &[
                    Piece::Text(r#""type":"array","prefixItems":["#),
                    Piece::Schema(None, &$first::SCHEMA),
                    $(Piece::Text(","), Piece::Schema(None, &$type::SCHEMA),)*
                    Piece::Text(r#"],"minItems":"#),
                    Piece::Integer($count),
                    Piece::Text(r#","maxItems":"#),
                    Piece::Integer($count),
                ],
            };
        }
    };
}

tuple!(1: A);
tuple!(2: A B);
tuple!(3: A B C);
tuple!(4: A B C D);
