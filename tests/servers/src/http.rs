//! A request over HTTP, for setting up what is tested: one for each connection.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long an answer may take: initialising a server on a busy machine takes many seconds.
const LONGEST: Duration = Duration::from_secs(60);

/// A request.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Its method.
    pub method: &'a str,
    /// The path, with the query.
    pub path: &'a str,
    /// Headers besides `host`, `content-length` and `connection`.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body.
    pub body: &'a [u8],
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers, with their names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The first header of this name, which is in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

/// Sends a request without TLS.
///
/// # Errors
///
/// The server cannot be connected to, or does not answer in HTTP.
pub fn send(to: SocketAddr, request: &Request<'_>) -> io::Result<Answer> {
    exchange(&mut connect(to)?, request)
}

/// A connection with a limit on how long it may be silent.
pub(crate) fn connect(to: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&to, LONGEST)?;
    stream.set_read_timeout(Some(LONGEST))?;
    stream.set_write_timeout(Some(LONGEST))?;
    Ok(stream)
}

/// One request and its answer, with which the connection ends.
pub(crate) fn exchange(stream: &mut (impl Read + Write), request: &Request<'_>) -> io::Result<Answer> {
    let Request { method, path, headers, body } = request;
    // In HTTP/1.0 no answer comes in chunks.
    let mut head = format!("{method} {path} HTTP/1.0\r\nhost: localhost\r\nconnection: close\r\n");
    for (name, value) in *headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;
    stream.flush()?;
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        // Not every server closes TLS as it should; a body that was cut is found by its length.
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => Err(error),
        _ => parse(&bytes).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "not an answer in HTTP")),
    }
}

fn parse(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let (head, body) = (str::from_utf8(bytes.get(..end)?).ok()?, bytes.get(end + 4..)?);
    let mut lines = head.split("\r\n");
    let status = lines.next()?.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
    let header = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_ascii_lowercase(), value.trim().to_owned()))
    };
    let answer = Answer { status, headers: lines.map(header).collect::<Option<_>>()?, body: body.to_vec() };
    let whole = answer.header("content-length").is_none_or(|length| length.parse() == Ok(body.len()));
    (whole || body.is_empty()).then_some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a server says, and what it is told.
    struct Connection(io::Cursor<Vec<u8>>, Vec<u8>);

    impl Read for Connection {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.read(buffer)
        }
    }

    impl Write for Connection {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.1.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn answered(text: &str) -> (io::Result<Answer>, String) {
        let mut connection = Connection(io::Cursor::new(text.as_bytes().to_vec()), Vec::new());
        let request = Request { method: "POST", path: "/a?b", headers: &[("x-y", "z")], body: b"hello" };
        let answer = exchange(&mut connection, &request);
        (answer, String::from_utf8(connection.1).unwrap())
    }

    #[test]
    fn a_request_is_sent_and_its_answer_read() {
        let (answer, sent) = answered("HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\nX-A:  b\r\n\r\nno");
        let head =
            "POST /a?b HTTP/1.0\r\nhost: localhost\r\nconnection: close\r\nx-y: z\r\ncontent-length: 5\r\n\r\nhello";
        assert_eq!(sent, head);
        let answer = answer.unwrap();
        assert_eq!((answer.status, answer.header("x-a"), answer.body.as_slice()), (404, Some("b"), &b"no"[..]));
    }

    #[test]
    fn what_is_cut_or_no_answer_is_an_error() {
        for text in ["", "SSH-2.0\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\ncut", "HTTP/1.1 x\r\n\r\n"] {
            assert!(answered(text).0.is_err(), "{text}");
        }
    }
}
