//! Packets, of which all that git says over the network consists: four hexadecimal digits of length, and so much less four.

/// A packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// What it carries, without the end of a line.
    Line(&'a [u8]),
    /// Between parts of a message, or at its end.
    Delimiter,
}

/// The most that a packet carries.
const LONGEST: usize = 65516;

/// The packets of a body, one after the other: many small ones cost no more memory than few.
pub fn all(bytes: &[u8]) -> impl Iterator<Item = Result<Packet<'_>, far_skill::Error>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let split = split(rest);
        // After what is no packet, nothing is one.
        rest = split.map(|(_, rest)| rest).unwrap_or_default();
        Some(
            split.map(|(packet, _)| packet).ok_or_else(|| "what the server sends is cut, or not git's protocol".into()),
        )
    })
}

fn split(bytes: &[u8]) -> Option<(Packet<'_>, &[u8])> {
    let (digits, rest) = bytes.split_at_checked(4)?;
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let length = usize::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?;
    if length < 3 {
        return Some((Packet::Delimiter, rest));
    }
    let (line, rest) = rest.split_at_checked(length.checked_sub(4)?).filter(|(line, _)| line.len() <= LONGEST)?;
    // In a side band, the end of a line is data.
    let is_band = matches!(line.first(), Some(1..=3));
    let line = if is_band { line } else { line.strip_suffix(b"\n").unwrap_or(line) };
    Some((Packet::Line(line), rest))
}

/// A line as a packet.
pub fn line(text: &str) -> String {
    format!("{:04x}{text}\n", text.len() + 5)
}

/// The body of a request for a command.
pub fn command(name: &str, arguments: &[&str]) -> Vec<u8> {
    let arguments: String = arguments.iter().map(|argument| line(argument)).collect();
    format!("{}0001{arguments}0000", line(&format!("command={name}"))).into_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(bytes: &[u8]) -> Result<Vec<Packet<'_>>, far_skill::Error> {
        all(bytes).collect()
    }

    #[test]
    fn packets_are_read_one_after_the_other() {
        assert_eq!(read(b"0006a\n0001").unwrap(), [Packet::Line(b"a"), Packet::Delimiter]);
        assert_eq!(read(b"0007\x01b\n0000").unwrap(), [Packet::Line(b"\x01b\n"), Packet::Delimiter]);
        assert_eq!(read(b"").unwrap(), []);
    }

    #[test]
    fn what_is_cut_or_something_else_is_an_error_and_the_end() {
        for bytes in ["000", "0003", "0009abc", "<htm", "+005a", "00\u{e9}"] {
            assert!(read(bytes.as_bytes()).is_err(), "{bytes}");
            let bytes = format!("0000{bytes}");
            assert_eq!(all(bytes.as_bytes()).map(|packet| packet.is_ok()).collect::<Vec<_>>(), [true, false]);
        }
    }

    #[test]
    fn a_command_is_written_as_it_is_read() {
        assert_eq!(command("ls-refs", &["symrefs"]), b"0014command=ls-refs\n0001000csymrefs\n0000");
    }

    proptest! {
        #[test]
        fn no_bytes_break_it(bytes: Vec<u8>) {
            let _ = read(&bytes);
        }
    }
}
