use proptest::prelude::*;

use super::*;

/// Returns the secrets as strings, sorted by name.
fn parsed(file: &str) -> Vec<(String, String)> {
    let secrets = parse(file.as_bytes()).unwrap_or_else(|refused| panic!("{file:?}: {refused:?}"));
    let text = |value: &SecretBytes| String::from_utf8(value.expose().to_vec()).unwrap();
    secrets.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
}

/// Returns the value of `A`, the only key of the file.
fn value_of(file: &str) -> String {
    let mut secrets = parsed(file);
    assert_eq!(secrets.len(), 1, "{file:?}");
    let (name, value) = secrets.remove(0);
    assert_eq!(name, "a", "{file:?}");
    value
}

fn refused(file: &[u8]) -> (usize, Problem) {
    let ParseError { line, problem } = parse(file).map(|_| ()).unwrap_err();
    (line, problem)
}

#[test]
fn unquoted_value_is_trimmed() {
    let cases = [
        ("A=b", "b"),
        ("A=b\n", "b"),
        ("A=", ""),
        ("A=\n", ""),
        ("  A \t=  b c \t\n", "b c"),
        ("export A=b", "b"),
        ("export\tA=b", "b"),
        ("A=b==\n", "b=="),
        ("A==b", "=b"),
        ("A=b # comment", "b"),
        ("A=b\t# comment", "b"),
        ("A=b # one # two\t# three", "b"),
        ("A= # comment", ""),
        ("A=#b", "#b"),
        ("A=b#c", "b#c"),
        ("# A=1\n \t# A=2\n\n\t\nA=3", "3"),
        ("A=it's \"so\"", "it's \"so\""),
        ("A={\"k\":\"v\"}", "{\"k\":\"v\"}"),
        ("A=C:\\new\\", "C:\\new\\"),
        ("A=caf\u{e9} \u{1f511}", "caf\u{e9} \u{1f511}"),
        ("A=\u{a0}b\u{a0}", "\u{a0}b\u{a0}"),
    ];
    for (file, value) in cases {
        assert_eq!(value_of(file), value, "{file:?}");
    }
}

#[test]
fn quoted_value_is_exact() {
    let cases = [
        ("A=''", ""),
        ("A=\"\"", ""),
        ("A='  b  '", "  b  "),
        ("A=\"  b  \"  ", "  b  "),
        ("A = 'b' # comment", "b"),
        ("A=\"b\"\t#comment", "b"),
        ("A='b # c'", "b # c"),
        ("A=\"b # c\"", "b # c"),
        ("A='b\\n\\\\'", "b\\n\\\\"),
        ("A='\"'", "\""),
        ("A=\"'\"", "'"),
        (r#"A="\n\r\t\\\"\$""#, "\n\r\t\\\"$"),
        (r#"A="\\n""#, "\\n"),
        ("A='b\nc\n'", "b\nc\n"),
        ("A=\"b\n# c\nD=e\n\"\n", "b\n# c\nD=e\n"),
    ];
    for (file, value) in cases {
        assert_eq!(value_of(file), value, "{file:?}");
    }
}

#[test]
fn variables_are_not_expanded() {
    for quote in ["", "'", "\""] {
        for value in ["$A", "${A}", "$(id)", "`id`", "$$", "~", "%A%"] {
            let file = format!("A={quote}{value}{quote}");
            assert_eq!(value_of(&file), value, "{file:?}");
        }
    }
}

#[test]
fn line_endings_and_bom_are_normalized() {
    let file = "\u{feff}A=b\n# c\n\nB='d\ne'\nC=\"f\ng\" # h\nD=\n";
    let secrets = parsed(file);
    let expected = [("a", "b"), ("b", "d\ne"), ("c", "f\ng"), ("d", "")];
    assert_eq!(secrets, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(parsed(&file.replace('\n', "\r\n")), secrets);
    assert_eq!(value_of("A=\"\\r\n\""), "\r\n", "an escaped carriage return stays");
}

#[test]
fn key_yields_secret_name() {
    let names = [("GITHUB_TOKEN", "github-token"), ("a", "a"), ("A__B1", "a--b1"), ("export", "export")];
    for (key, name) in names {
        for file in [format!("{key}=v"), format!("export {key}=v"), format!("{key} =v")] {
            assert_eq!(parsed(&file), [(name.to_owned(), "v".to_owned())], "{file:?}");
        }
    }
}

#[test]
fn error_names_invalid_line() {
    use far_core::capability::NameError;
    let long_key = format!("A={}\n{}=c", "b".repeat(9), "K".repeat(129));
    let too_large = format!("\nA='{}'", "b".repeat(SecretBytes::MAX_LEN + 1));
    let cases: &[(&[u8], usize, Problem)] = &[
        (b"A=b\nB=\xff", 2, Problem::NotUtf8),
        (b"A='\n\xff'", 2, Problem::NotUtf8),
        (b"A=b\nB=c\0", 2, Problem::Nul),
        (b"A='\n\0'", 2, Problem::Nul),
        (b"# \0", 1, Problem::Nul),
        (b"A=b\nB=c\rd\n", 2, Problem::CarriageReturn),
        (b"A=b\r", 1, Problem::CarriageReturn),
        (b"A=b\r\r\n", 1, Problem::CarriageReturn),
        (b"A='\r'", 1, Problem::CarriageReturn),
        (b"A=b\nB\nC=d", 2, Problem::NoAssignment),
        (b"export A", 1, Problem::NoAssignment),
        (b"A=b\n\n=c", 3, Problem::Key),
        (b"1A=b", 1, Problem::Key),
        (b"A-B=c", 1, Problem::Key),
        (b"A B=c", 1, Problem::Key),
        (b"exportA B=c", 1, Problem::Key),
        ("\u{e9}=b".as_bytes(), 1, Problem::Key),
        ("A=b\n\u{feff}B=c".as_bytes(), 2, Problem::Key),
        (b"A=b\n_X=c", 2, Problem::Name(NameError::Edge)),
        (b"A__=b", 1, Problem::Name(NameError::Edge)),
        (b"_=b", 1, Problem::Name(NameError::Edge)),
        (long_key.as_bytes(), 2, Problem::Name(NameError::TooLong)),
        (b"A=b\n#\nA=b", 3, Problem::Duplicate { first: 1 }),
        (b"A=b\nB='\n\n'\nB=c", 5, Problem::Duplicate { first: 2 }),
        (b"TOKEN=b\nToken=b", 2, Problem::SameName { first: 1 }),
        (b"A=b\nB='c\nD=e\n", 2, Problem::Unclosed),
        (b"A=b\nB=\"c\nD=e\n", 2, Problem::Unclosed),
        (b"A=\"b\\\"", 1, Problem::Unclosed),
        (b"A=\"\n\\q\"", 2, Problem::Escape),
        (b"A=\"b\\\nc\"", 1, Problem::Escape),
        (b"A=\"b\\", 1, Problem::Escape),
        (b"A='b\nc'd", 2, Problem::AfterQuote),
        (b"A=\"b\nc\"#d", 2, Problem::AfterQuote),
        (b"A='b''c'", 1, Problem::AfterQuote),
        (too_large.as_bytes(), 2, Problem::TooLarge),
    ];
    for (file, line, problem) in cases {
        assert_eq!(refused(file), (*line, *problem), "{:?}", String::from_utf8_lossy(file));
    }
}

#[test]
fn largest_value_fits_in_any_quotes() {
    let largest = "\n".repeat(SecretBytes::MAX_LEN);
    assert_eq!(value_of(&format!("A='{largest}'")), largest);
    assert_eq!(value_of(&format!("A=\"{}\"", "\\n".repeat(SecretBytes::MAX_LEN))), largest);
}

fn double_quoted_by_hand(value: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in value.chars() {
        match letter {
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\\' | '"' | '$' => quoted.extend(['\\', letter]),
            other => quoted.push(other),
        }
    }
    quoted + "\""
}

proptest! {
    #[test]
    fn arbitrary_bytes_do_not_panic(file in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&file);
    }

    #[test]
    fn arbitrary_syntax_does_not_panic(
        file in "(A|B_|export|=|'|\"|\\\\|#| |\t|\r|\n|\r\n|n|\\$|\u{feff}|\0|\u{1f511}){0,40}",
    ) {
        match parse(file.as_bytes()) {
            Ok(secrets) => prop_assert!(secrets.len() <= file.matches('=').count()),
            Err(ParseError { line, .. }) => prop_assert!((1..=file.split('\n').count()).contains(&line)),
        }
    }

    #[test]
    fn double_quoted_value_round_trips(value in "[^\0]{0,200}", more in "[^\0]{0,40}") {
        let file = format!("A={}\nB={}", double_quoted_by_hand(&value), double_quoted_by_hand(&more));
        let expected = [("a".to_owned(), value), ("b".to_owned(), more)];
        prop_assert_eq!(parsed(&file), expected.clone());
        prop_assert_eq!(parsed(&file.replace('\n', "\r\n")), expected);
    }

    #[test]
    fn single_quoted_value_round_trips(value in "[^\0\r']{0,200}") {
        prop_assert_eq!(value_of(&format!("A='{value}' # it's")), value);
    }
}
