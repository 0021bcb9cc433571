//! Packets (pkt-lines), the framing of git's protocol: four hexadecimal digits of length, then the
//! data.

/// A packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// A line, without its line feed.
    Line(&'a [u8]),
    /// A delimiter between or after the parts of a message.
    Delimiter,
}

/// The maximum length of a packet's data, in bytes.
const DATA_MAX: usize = 65516;

/// Returns the packets of a body as an iterator, so that many small packets need no extra memory.
pub fn all(bytes: &[u8]) -> impl Iterator<Item = Result<Packet<'_>, far_skill::Error>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let split = split(rest);
        // An invalid packet ends the iteration.
        rest = split.map(|(_, rest)| rest).unwrap_or_default();
        Some(
            split.map(|(packet, _)| packet).ok_or_else(|| "the response is truncated, or is not git's protocol".into()),
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
    let (line, rest) = rest.split_at_checked(length.checked_sub(4)?).filter(|(line, _)| line.len() <= DATA_MAX)?;
    // In a side band, the line feed is data.
    let is_band = matches!(line.first(), Some(1..=3));
    let line = if is_band { line } else { line.strip_suffix(b"\n").unwrap_or(line) };
    Some((Packet::Line(line), rest))
}

/// Encodes a line as a packet.
pub fn line(text: &str) -> String {
    format!("{:04x}{text}\n", text.len() + 5)
}

/// Encodes the body of a command request.
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
    fn body_is_split_into_packets() {
        assert_eq!(read(b"0006a\n0001").unwrap(), [Packet::Line(b"a"), Packet::Delimiter]);
        assert_eq!(read(b"0007\x01b\n0000").unwrap(), [Packet::Line(b"\x01b\n"), Packet::Delimiter]);
        assert_eq!(read(b"").unwrap(), []);
    }

    #[test]
    fn invalid_packet_is_error_and_end() {
        for bytes in ["000", "0003", "0009abc", "<htm", "+005a", "00\u{e9}"] {
            assert!(read(bytes.as_bytes()).is_err(), "{bytes}");
            let bytes = format!("0000{bytes}");
            assert_eq!(all(bytes.as_bytes()).map(|packet| packet.is_ok()).collect::<Vec<_>>(), [true, false]);
        }
    }

    #[test]
    fn command_encodes_arguments() {
        assert_eq!(command("ls-refs", &["symrefs"]), b"0014command=ls-refs\n0001000csymrefs\n0000");
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_do_not_panic(bytes: Vec<u8>) {
            let _ = read(&bytes);
        }
    }
}
