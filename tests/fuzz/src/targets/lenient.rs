//! Decodings of a path by lenient servers.

use percent_encoding::percent_decode;

/// A transformation that some servers apply before they resolve dot segments.
type Decoder = fn(&[u8]) -> Vec<u8>;

const DECODERS: [Decoder; 6] = [percent, percent_u, overlong, full_width, backslash, plus];

/// Returns true if a sequence of decoders turns a segment of the path into a dot segment.
pub(super) fn leads_up(path: &[u8]) -> bool {
    let mut readings = vec![path.to_vec()];
    let mut read = 0;
    // Each decoder shortens the path or removes some of its characters, so the readings are few.
    while read < readings.len() && readings.len() < 256 {
        if has_dots(&readings[read]) {
            return true;
        }
        for decoder in DECODERS {
            let reading = decoder(&readings[read]);
            if !readings.contains(&reading) {
                readings.push(reading);
            }
        }
        read += 1;
    }
    false
}

/// Returns true if a segment is `.` or `..`, possibly with a suffix that servers drop.
fn has_dots(path: &[u8]) -> bool {
    path.split(|byte| *byte == b'/').any(|segment| {
        let dropped = |byte: &u8| *byte <= b' ' || *byte == 0x7f || b";?#+:".contains(byte);
        let rest = segment.strip_prefix(b"..").or_else(|| segment.strip_prefix(b"."));
        rest.is_some_and(|rest| rest.first().is_none_or(dropped))
    })
}

fn percent(path: &[u8]) -> Vec<u8> {
    percent_decode(path).collect()
}

/// Decodes `%uXXXX`, like IIS.
fn percent_u(path: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((&byte, after)) = rest.split_first() {
        let escape = after.strip_prefix(b"u").or_else(|| after.strip_prefix(b"U")).filter(|_| byte == b'%');
        let digits = escape.and_then(|escape| str::from_utf8(escape.get(..4)?).ok());
        match digits.and_then(|digits| char::from_u32(u32::from_str_radix(digits, 16).ok()?)) {
            Some(character) => {
                decoded.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                rest = &rest[6..];
            }
            None => {
                decoded.push(byte);
                rest = after;
            }
        }
    }
    decoded
}

/// Decodes overlong UTF-8.
fn overlong(path: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((&byte, after)) = rest.split_first() {
        let (length, character) = match rest {
            [a @ 0xc0..=0xc1, b @ 0x80..=0xbf, ..] => (2, (a & 0x1f) << 6 | (b & 0x3f)),
            [0xe0, a @ 0x80..=0x81, b @ 0x80..=0xbf, ..] => (3, (a & 0x01) << 6 | (b & 0x3f)),
            [0xf0, 0x80, a @ 0x80..=0x81, b @ 0x80..=0xbf, ..] => (4, (a & 0x01) << 6 | (b & 0x3f)),
            _ => (1, byte),
        };
        decoded.push(character);
        rest = if length == 1 { after } else { &rest[length..] };
    }
    decoded
}

/// Replaces characters that compatibility normalization turns into dots and slashes.
fn full_width(path: &[u8]) -> Vec<u8> {
    const FOLDED: [(&str, &str); 7] = [
        ("\u{ff0e}", "."),
        ("\u{fe52}", "."),
        ("\u{2024}", "."),
        ("\u{2025}", ".."),
        ("\u{ff0f}", "/"),
        ("\u{ff3c}", "\\"),
        ("\u{ff05}", "%"),
    ];
    let mut folded = path.to_vec();
    for (from, to) in FOLDED {
        while let Some(at) = folded.windows(from.len()).position(|window| window == from.as_bytes()) {
            folded.splice(at..at + from.len(), to.bytes());
        }
    }
    folded
}

fn backslash(path: &[u8]) -> Vec<u8> {
    path.iter().map(|byte| if *byte == b'\\' { b'/' } else { *byte }).collect()
}

fn plus(path: &[u8]) -> Vec<u8> {
    path.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect()
}

#[cfg(test)]
mod tests {
    use super::leads_up;

    #[test]
    fn hidden_dot_segments_are_found() {
        for path in [
            "/a/../b",
            "/a/%2e%2E/b",
            "/a/%252e./b",
            "/a/..%00/b",
            "/a/..%20/b",
            "/a/%c0%ae%c0%ae/b",
            "/a/%u002e%u002e/b",
            "/a/%ef%bc%8e%ef%bc%8e/b",
            "/a/..%5cb",
            "/a%c0%af../b",
            "/a/..;x=1/b",
            "/a/..+/b",
        ] {
            assert!(leads_up(path.as_bytes()), "{path}");
        }
        for path in ["/", "/a.b/c..d", "/.well-known/x", "/...", "/a/%41", "/a/..b"] {
            assert!(!leads_up(path.as_bytes()), "{path}");
        }
    }
}
