//! A proxy's faults are those that a test says, in their order; what is behind it is a proxy, too, that answers by itself.

#![expect(clippy::unwrap_used, reason = "what is not there is a failed test")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use far_servers::fault::{Fault, Proxy};
use far_servers::http::{self, Answer, Request};
use far_servers::https::Reply;

const WHOLE: &str = r#"{"page":1}"#;

/// A backend with so many answers, and a proxy in front of it.
fn pair(answers: usize) -> (Proxy, Proxy) {
    let backend = Proxy::start(SocketAddr::from(([127, 0, 0, 1], 1))).unwrap();
    let page =
        |number: usize| Fault::Instead(Reply::new(200, format!(r#"{{"page":{}}}"#, number + 1)).header("x-a", "b"));
    backend.next((0..answers).map(page));
    let proxy = Proxy::start(backend.socket()).unwrap();
    (backend, proxy)
}

fn get(proxy: &Proxy) -> std::io::Result<Answer> {
    let request = Request { method: "POST", path: "/a?b", headers: &[("x-token", "t")], body: b"hello" };
    http::send(proxy.socket(), &request)
}

/// What comes over the network, up to so many bytes or the end.
fn raw(proxy: &Proxy, most: u64) -> String {
    let mut stream = TcpStream::connect(proxy.socket()).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    let mut bytes = Vec::new();
    stream.take(most).read_to_end(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn what_passes_is_what_the_backend_is_sent_and_says() {
    let (backend, proxy) = pair(1);
    let answer = get(&proxy).unwrap();
    assert_eq!((answer.status, answer.header("x-a"), answer.body.as_slice()), (200, Some("b"), WHOLE.as_bytes()));
    let arrived = backend.arrived();
    let [request] = &arrived[..] else { panic!("{arrived:?}") };
    assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", "/a?b"));
    assert_eq!((request.header("x-token"), request.body.as_slice()), (Some("t"), &b"hello"[..]));
}

#[test]
fn answers_of_the_proxys_own_never_reach_the_backend() {
    let (backend, proxy) = pair(1);
    proxy.next([Fault::sealed(), Fault::forbidden(), Fault::hidden(), Fault::limited(30), Fault::broken(502)]);
    let statuses: Vec<_> = (0..5).map(|_| get(&proxy).unwrap()).collect();
    let told: Vec<_> = statuses.iter().map(|answer| (answer.status, answer.header("retry-after"))).collect();
    assert_eq!(told, [(503, None), (403, None), (404, None), (429, Some("30")), (502, None)]);
    assert_eq!((backend.arrived().len(), proxy.arrived().len()), (0, 5));
    assert_eq!(get(&proxy).unwrap().status, 200);
}

#[test]
fn a_body_is_cut_or_shorter_than_it_should_be() {
    let (_backend, proxy) = pair(2);
    proxy.next([Fault::Cut, Fault::Malformed]);
    assert!(get(&proxy).is_err());
    assert_eq!(get(&proxy).unwrap().body, br#"{"pag"#);
}

#[test]
fn a_page_comes_twice() {
    let (backend, proxy) = pair(2);
    proxy.next([Fault::Pass, Fault::Again, Fault::Pass]);
    let pages: Vec<_> = (0..3).map(|_| String::from_utf8(get(&proxy).unwrap().body).unwrap()).collect();
    assert_eq!(pages, [WHOLE, WHOLE, r#"{"page":2}"#]);
    assert_eq!(backend.arrived().len(), 2);
}

#[test]
fn an_endless_body_goes_on_until_the_client_has_enough() {
    let (_backend, proxy) = pair(1);
    proxy.next([Fault::Endless]);
    let said = raw(&proxy, 1 << 20);
    assert_eq!(said.len(), 1 << 20);
    assert!(said.contains("transfer-encoding: chunked"));
}

#[test]
fn silence_lasts_as_long_as_the_client_waits() {
    let (backend, proxy) = pair(1);
    proxy.next([Fault::Silent]);
    let mut stream = TcpStream::connect(proxy.socket()).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let waited = stream.read(&mut [0]).unwrap_err().kind();
    assert!(matches!(waited, std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut), "{waited:?}");
    assert!(backend.arrived().is_empty());
}
