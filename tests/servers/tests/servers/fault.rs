//! Tests of the proxy's faults. The backend is a second proxy with prepared replies.

#![expect(clippy::unwrap_used, reason = "a missing value fails the test")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use far_servers::fault::{Fault, Proxy};
use far_servers::http::{self, Request, Response};
use far_servers::https::Reply;

const PAGE: &str = r#"{"page":1}"#;

/// Returns a backend with this many replies, and a proxy in front of it.
fn pair(replies: usize) -> (Proxy, Proxy) {
    let backend = Proxy::start(SocketAddr::from(([127, 0, 0, 1], 1))).unwrap();
    let page =
        |number: usize| Fault::Reply(Reply::new(200, format!(r#"{{"page":{}}}"#, number + 1)).header("x-a", "b"));
    backend.next((0..replies).map(page));
    let proxy = Proxy::start(backend.socket()).unwrap();
    (backend, proxy)
}

fn get(proxy: &Proxy) -> std::io::Result<Response> {
    let request = Request { method: "POST", path: "/a?b", headers: &[("x-token", "t")], body: b"hello" };
    http::send(proxy.socket(), &request)
}

/// Returns the raw response, up to `max` bytes.
fn raw(proxy: &Proxy, max: u64) -> String {
    let mut stream = TcpStream::connect(proxy.socket()).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    let mut bytes = Vec::new();
    stream.take(max).read_to_end(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn pass_forwards_request_and_response() {
    let (backend, proxy) = pair(1);
    let response = get(&proxy).unwrap();
    assert_eq!((response.status, response.header("x-a"), response.body.as_slice()), (200, Some("b"), PAGE.as_bytes()));
    let arrived = backend.arrived();
    let [request] = &arrived[..] else { panic!("{arrived:?}") };
    assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", "/a?b"));
    assert_eq!((request.header("x-token"), request.body.as_slice()), (Some("t"), &b"hello"[..]));
}

#[test]
fn replies_of_proxy_do_not_reach_backend() {
    let (backend, proxy) = pair(1);
    proxy.next([Fault::sealed(), Fault::forbidden(), Fault::hidden(), Fault::limited(30), Fault::broken(502)]);
    let responses: Vec<_> = (0..5).map(|_| get(&proxy).unwrap()).collect();
    let statuses: Vec<_> = responses.iter().map(|response| (response.status, response.header("retry-after"))).collect();
    assert_eq!(statuses, [(503, None), (403, None), (404, None), (429, Some("30")), (502, None)]);
    assert_eq!((backend.arrived().len(), proxy.arrived().len()), (0, 5));
    assert_eq!(get(&proxy).unwrap().status, 200);
}

#[test]
fn truncated_and_malformed_body() {
    let (_backend, proxy) = pair(2);
    proxy.next([Fault::Truncate, Fault::Malformed]);
    assert!(get(&proxy).is_err());
    assert_eq!(get(&proxy).unwrap().body, br#"{"pag"#);
}

#[test]
fn replay_repeats_last_response() {
    let (backend, proxy) = pair(2);
    proxy.next([Fault::Pass, Fault::Replay, Fault::Pass]);
    let pages: Vec<_> = (0..3).map(|_| String::from_utf8(get(&proxy).unwrap().body).unwrap()).collect();
    assert_eq!(pages, [PAGE, PAGE, r#"{"page":2}"#]);
    assert_eq!(backend.arrived().len(), 2);
}

#[test]
fn endless_body_continues_until_client_closes() {
    let (_backend, proxy) = pair(1);
    proxy.next([Fault::Endless]);
    let bytes = raw(&proxy, 1 << 20);
    assert_eq!(bytes.len(), 1 << 20);
    assert!(bytes.contains("transfer-encoding: chunked"));
}

#[test]
fn hang_lasts_until_client_gives_up() {
    let (backend, proxy) = pair(1);
    proxy.next([Fault::Hang]);
    let mut stream = TcpStream::connect(proxy.socket()).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let error = stream.read(&mut [0]).unwrap_err().kind();
    assert!(matches!(error, std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut), "{error:?}");
    assert!(backend.arrived().is_empty());
}
