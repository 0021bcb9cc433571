//! Runs a CGI program for a request (RFC 3875).

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use crate::failure::{Failure, OrFailure};
use crate::https::{ReceivedRequest, Reply};

/// Runs git's HTTP program for a request of this user.
pub(super) fn reply(program: &Path, root: &Path, user: &str, request: &ReceivedRequest) -> Result<Reply, Failure> {
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let mut command = Command::new(program);
    command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("HOME", root).env("GIT_CONFIG_NOSYSTEM", "1");
    command.env("GIT_PROJECT_ROOT", root).env("GIT_HTTP_EXPORT_ALL", "1").env("REMOTE_USER", user);
    command.env("REQUEST_METHOD", &request.method).env("PATH_INFO", path).env("QUERY_STRING", query);
    command.env("CONTENT_LENGTH", request.body.len().to_string());
    let variables = [
        ("content-type", "CONTENT_TYPE"),
        ("git-protocol", "GIT_PROTOCOL"),
        ("content-encoding", "HTTP_CONTENT_ENCODING"),
    ];
    for (header, variable) in variables {
        if let Some(value) = request.header(header) {
            command.env(variable, value);
        }
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().or_failure("run git-http-backend")?;
    let stdin = child.stdin.take();
    let body = request.body.clone();
    // On a separate thread, because the program may write output ahead of reading all input.
    let writing = thread::spawn(move || stdin.map(|mut stdin| stdin.write_all(&body)));
    let output = child.wait_with_output().or_failure("wait for git-http-backend")?;
    let _ = writing.join();
    parse(&output.stdout)
        .ok_or_else(|| Failure::new(format!("git-http-backend: {}", String::from_utf8_lossy(&output.stderr))))
}

fn parse(output: &[u8]) -> Option<Reply> {
    let end = output.windows(4).position(|window| window == b"\r\n\r\n")?;
    let (head, body) = (str::from_utf8(output.get(..end)?).ok()?, output.get(end + 4..)?);
    let mut reply = Reply::new(200, body);
    for line in head.split("\r\n") {
        let (name, value) = line.split_once(':')?;
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "status" => reply.status = value.split(' ').next()?.parse().ok()?,
            _ => reply = reply.header(name, value),
        }
    }
    Some(reply)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_defaults_to_200() {
        let reply = parse(b"Status: 404 Not Found\r\nX-A: b: c\r\n\r\nno").unwrap();
        assert_eq!(reply, Reply::new(404, "no").header("X-A", "b: c"));
        assert_eq!(parse(b"X-A: b\r\n\r\n").unwrap().status, 200);
        assert_eq!(parse(b"fatal: no"), None);
    }
}
