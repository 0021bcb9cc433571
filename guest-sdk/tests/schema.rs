//! The complete schema of each kind of type.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use far_skill::Schema;
use far_skill::schema::to_json;
use serde::Deserialize;
use serde_json::Value;

/// Asserts that types have exactly these schemas.
macro_rules! assert_schemas {
    ($($type:ty => $expected:expr),+ $(,)?) => {$(
        assert_eq!(to_json::<$type>(), $expected, "{}", stringify!($type));
    )+};
}

#[test]
fn builtin_types() {
    assert_schemas! {
        bool => r#"{"type":"boolean"}"#,
        String => r#"{"type":"string"}"#,
        &str => r#"{"type":"string"}"#,
        Cow<'_, str> => r#"{"type":"string"}"#,
        char => r#"{"type":"string","minLength":1,"maxLength":1}"#,
        f64 => r#"{"type":"number"}"#,
        () => r#"{"type":"null"}"#,
        Value => "{}",
        Box<bool> => r#"{"type":"boolean"}"#,
        Option<bool> => r#"{"anyOf":[{"type":"boolean"},{"type":"null"}]}"#,
        Vec<bool> => r#"{"type":"array","items":{"type":"boolean"}}"#,
        [bool; 12] => r#"{"type":"array","items":{"type":"boolean"},"minItems":12,"maxItems":12}"#,
        BTreeMap<String, bool> => r#"{"type":"object","additionalProperties":{"type":"boolean"}}"#,
        HashMap<String, Vec<()>> => r#"{"type":"object","additionalProperties":{"type":"array","items":{"type":"null"}}}"#,
    }
}

#[test]
fn integers_have_bounds() {
    macro_rules! assert_bounds {
        ($($type:ty),+) => {$(
            let (min, max) = (<$type>::MIN, <$type>::MAX);
            assert_eq!(to_json::<$type>(), format!(r#"{{"type":"integer","minimum":{min},"maximum":{max}}}"#));
        )+};
    }
    assert_bounds!(u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize);
}

#[derive(Deserialize, Schema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[expect(dead_code, reason = "the test uses only its schema")]
struct Order<T> {
    /// The customer.
    ///
    /// Not the "payer".
    first_name: T,
    #[serde(rename = "n")]
    count: Option<u8>,
    #[serde(default)]
    urgent: bool,
    #[serde(skip)]
    total: u8,
    r#type: Meters,
}

/// A length.
#[derive(Deserialize, Schema)]
#[expect(dead_code, reason = "the test uses only its schema")]
struct Meters(u8);

#[derive(Deserialize, Schema)]
#[serde(default)]
struct Defaults {
    a: bool,
}

impl Default for Defaults {
    fn default() -> Self {
        Self { a: true }
    }
}

#[test]
fn structs() {
    #[derive(Deserialize, Schema)]
    struct Unit;
    #[derive(Deserialize, Schema)]
    struct Empty {}
    #[derive(Deserialize, Schema)]
    #[expect(dead_code, reason = "the test uses only its schema")]
    struct Pair(bool, Meters);

    assert_schemas! {
        Order<String> => concat!(
            r#"{"type":"object","properties":{"#,
            r#""first-name":{"description":"The customer.\n\nNot the \"payer\".","type":"string"},"#,
            r#""n":{"anyOf":[{"type":"integer","minimum":0,"maximum":255},{"type":"null"}]},"#,
            r#""urgent":{"type":"boolean"},"#,
            r#""type":{"description":"A length.","type":"integer","minimum":0,"maximum":255}},"#,
            r#""required":["first-name","type"],"additionalProperties":false}"#,
        ),
        Defaults => r#"{"type":"object","properties":{"a":{"type":"boolean"}}}"#,
        Unit => r#"{"type":"null"}"#,
        Empty => r#"{"type":"object","properties":{}}"#,
        Meters => r#"{"description":"A length.","type":"integer","minimum":0,"maximum":255}"#,
        Pair => concat!(
            r#"{"type":"array","prefixItems":[{"type":"boolean"},"#,
            r#"{"description":"A length.","type":"integer","minimum":0,"maximum":255}],"minItems":2,"maxItems":2}"#,
        ),
    }
}

#[test]
fn wrapper_is_required_like_serde() {
    #[derive(Deserialize, Schema)]
    #[expect(dead_code, reason = "the test uses only its schema")]
    struct Newtype(Option<bool>);
    #[derive(Deserialize, Schema)]
    #[serde(transparent)]
    #[expect(dead_code, reason = "the test uses only its schema")]
    struct Transparent {
        inner: Option<bool>,
    }
    #[derive(Deserialize, Schema)]
    #[serde(from = "Option<bool>")]
    struct From;
    impl std::convert::From<Option<bool>> for From {
        fn from(_: Option<bool>) -> Self {
            Self
        }
    }
    #[derive(Deserialize, Schema)]
    #[expect(dead_code, reason = "the test uses only its schema")]
    struct All {
        boxed: Box<Option<bool>>,
        from: From,
        newtype: Newtype,
        transparent: Transparent,
        unit: (),
    }

    let schema: Value = serde_json::from_str(&to_json::<All>()).unwrap();
    assert_eq!(schema["required"], serde_json::json!(["newtype", "unit"]));
    assert!(serde_json::from_str::<All>(r#"{"newtype":null,"unit":null}"#).is_ok());
    assert!(serde_json::from_str::<All>(r#"{"unit":null}"#).is_err());
}

#[test]
fn unit_enums() {
    #[derive(Deserialize, Schema)]
    #[serde(rename_all = "UPPERCASE")]
    enum Method {
        Get,
        #[serde(rename = "put")]
        Put,
        #[serde(skip)]
        #[expect(dead_code, reason = "the test uses only its absence")]
        Secret,
    }
    #[derive(Deserialize, Schema)]
    enum Described {
        /// The first.
        A,
        B,
    }
    #[derive(Deserialize, Schema)]
    enum Never {}

    assert_schemas! {
        Method => r#"{"type":"string","enum":["GET","put"]}"#,
        Described => r#"{"anyOf":[{"description":"The first.","const":"A"},{"const":"B"}]}"#,
        Never => r#"{"not":{}}"#,
    }
}

/// The schema of the variant `Fields` without a tag.
const FIELDS: &str = r#""type":"object","properties":{"x":{"type":"boolean"}},"required":["x"]"#;

#[test]
fn enums_of_each_tagging_mode() {
    #[derive(Deserialize, Schema)]
    #[expect(dead_code, reason = "the test uses only its schema")]
    enum External {
        Unit,
        New(bool),
        /// Two.
        Pair(bool, ()),
        Fields {
            x: bool,
        },
    }
    #[derive(Deserialize, Schema)]
    #[serde(tag = "do", rename_all = "lowercase", deny_unknown_fields)]
    #[expect(dead_code, reason = "the test uses only its schema")]
    enum Internal {
        Unit,
        Fields { x: bool },
    }
    #[derive(Deserialize, Schema)]
    #[serde(tag = "t", content = "c")]
    #[expect(dead_code, reason = "the test uses only its schema")]
    enum Adjacent {
        Unit,
        New(Option<bool>),
        Fields { x: bool },
    }
    #[derive(Deserialize, Schema)]
    #[serde(untagged)]
    #[expect(dead_code, reason = "the test uses only its schema")]
    enum Untagged {
        Unit,
        New(bool),
        Fields { x: bool },
    }

    assert_schemas! {
        External => format!(
            r#"{{"anyOf":[{{"const":"Unit"}},{},{},{}]}}"#,
            r#"{"type":"object","properties":{"New":{"type":"boolean"}},"required":["New"],"additionalProperties":false}"#,
            concat!(
                r#"{"description":"Two.","type":"object","properties":{"Pair":{"type":"array","prefixItems":"#,
                r#"[{"type":"boolean"},{"type":"null"}],"minItems":2,"maxItems":2}},"required":["Pair"],"#,
                r#""additionalProperties":false}"#,
            ),
            format_args!(
                r#"{{"type":"object","properties":{{"Fields":{{{FIELDS}}}}},"required":["Fields"],"additionalProperties":false}}"#
            ),
        ),
        Internal => concat!(
            r#"{"anyOf":[{"type":"object","properties":{"do":{"const":"unit"}},"required":["do"]},"#,
            r#"{"type":"object","properties":{"do":{"const":"fields"},"x":{"type":"boolean"}},"#,
            r#""required":["do","x"],"additionalProperties":false}]}"#,
        ),
        Adjacent => format!(
            r#"{{"anyOf":[{},{},{}]}}"#,
            r#"{"type":"object","properties":{"t":{"const":"Unit"},"c":{"type":"null"}},"required":["t"]}"#,
            concat!(
                r#"{"type":"object","properties":{"t":{"const":"New"},"c":{"anyOf":[{"type":"boolean"},"#,
                r#"{"type":"null"}]}},"required":["t"]}"#,
            ),
            format_args!(
                r#"{{"type":"object","properties":{{"t":{{"const":"Fields"}},"c":{{{FIELDS}}}}},"required":["t","c"]}}"#
            ),
        ),
        Untagged => format!(r#"{{"anyOf":[{{"type":"null"}},{{"type":"boolean"}},{{{FIELDS}}}]}}"#),
    }
}

#[test]
fn untagged_variant_in_tagged_enum() {
    #[derive(Deserialize, Schema)]
    #[expect(dead_code, reason = "the test uses only its schema")]
    enum Mixed {
        Named,
        #[serde(untagged)]
        Other(u8),
    }

    assert_schemas! {
        Mixed => r#"{"anyOf":[{"const":"Named"},{"type":"integer","minimum":0,"maximum":255}]}"#,
    }
}
