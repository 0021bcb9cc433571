//! Impostor servers, ambiguous host names, and unfit header values.

use far_core::capability::Target;
use far_runtime::Egress;
use serde_json::{Value, json};

use super::Case;
use super::egress::{arrived, fine, outcome};
use super::trial::Trial;
use crate::egress_fixture::EgressFixture;
use crate::host::Parts;
use crate::server::{Authority, Server};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = confusing();
    cases.extend(impostors());
    cases.extend(unfit());
    cases.push(Case {
        id: "31-mixed-answers",
        description: "a name with a permitted and a forbidden address",
        attack: Trial::new("completed Address; connections: 0", || mixed("127.0.0.1/32")),
        twin: Trial::new("completed 200; connections: 1", || mixed("127.0.0.0/8")),
    });
    cases
}

fn confusing() -> Vec<Case> {
    let case = |id, description, authority: fn(u16) -> String| Case {
        id,
        description,
        attack: Trial::new("completed Invalid; arrived: nothing; taken for: none", move || to(authority)),
        twin: Trial::new("completed 200; arrived: the secret; taken for: localhost", || {
            to(|port| format!("localhost:{port}"))
        }),
    };
    vec![
        case("33-user", "a host after a user part that looks like a host", |port| {
            format!("api.example.com@localhost:{port}")
        }),
        case("33-backslash", "a backslash, which some parsers take for a slash", |port| {
            format!("localhost:{port}\\@a.example")
        }),
        case("33-unicode", "full-width letters", |port| format!("\u{ff4c}ocalhost:{port}")),
        case("33-nul", "a NUL, which some parsers drop", |port| format!("localhost:{port}\0")),
        case("33-octal", "an address in octal digits", |port| format!("0177.0.0.1:{port}")),
        case("33-decimal", "an address as one number", |port| format!("2130706433:{port}")),
    ]
}

fn impostors() -> Vec<Case> {
    let case = |id, description, certificate: Certificate| Case {
        id,
        description,
        attack: Trial::new("completed Certificate; arrived: nothing", move || impostor(certificate)),
        twin: Trial::new("completed 200; arrived: the secret", || impostor(Certificate::Valid)),
    };
    vec![
        case("35-unknown-authority", "a certificate of an unknown authority", Certificate::UnknownAuthority),
        case("35-other-name", "a certificate of another host", Certificate::OtherName),
        case("35-expired", "an expired certificate", Certificate::Expired),
    ]
}

fn unfit() -> Vec<Case> {
    let case = |id, description, value: &'static str| Case {
        id,
        description,
        attack: Trial::new("completed Denied; arrived: nothing", move || valued(value)),
        twin: Trial::new("completed 200; arrived: a request", || valued("one line of it")),
    };
    vec![
        case("38-line-in-a-secret", "a secret that would start another header", "value\r\nx-admin: yes"),
        case("38-nul-in-a-secret", "a secret with a NUL", "value\0value"),
        Case {
            id: "58-host",
            description: "a value as a host name, to smuggle it into the records",
            attack: Trial::new("in the records: no", || recorded("alpha-canary-7f3a91.example")),
            twin: Trial::new("in the records: yes", || recorded("localhost")),
        },
    ]
}

fn sealed(url: &str) -> Value {
    json!([{ "method": "GET", "url": url, "bearer": "alpha" }])
}

/// Sends a request and returns the outcome and the parsed host, because the engine rejects some of
/// these URLs earlier.
async fn to(authority: fn(u16) -> String) -> String {
    let fixture = EgressFixture::new(fine()).await;
    let origin = format!("https://{}", authority(fixture.server.port()));
    let report = fixture.send(sealed(&format!("{origin}/open"))).await;
    let target = Target::new("GET", &origin);
    let taken_for = target.as_ref().map_or("none", Target::host);
    format!("{}; arrived: {}; taken for: {taken_for}", outcome(&report), arrived(&fixture.server))
}

/// A server's certificate.
#[derive(Clone, Copy)]
enum Certificate {
    Valid,
    UnknownAuthority,
    OtherName,
    Expired,
}

async fn impostor(certificate: Certificate) -> String {
    let (known, unknown) = (Authority::new(), Authority::new());
    let server = match certificate {
        Certificate::Valid => Server::start(&known, "localhost", fine()).await,
        Certificate::UnknownAuthority => Server::start(&unknown, "localhost", fine()).await,
        Certificate::OtherName => Server::start(&known, "other.example", fine()).await,
        Certificate::Expired => Server::expired(&known, "localhost", fine()).await,
    };
    let origin = server.origin();
    let egress = Egress::new().with_authorities(known.pem().as_bytes()).unwrap();
    let fixture = EgressFixture::of(server, &origin, egress, true);
    let report = fixture.send(sealed(&fixture.url("/"))).await;
    format!("{}; arrived: {}", outcome(&report), arrived(&fixture.server))
}

/// Sends a request to a name with two addresses, of which the server has the first.
async fn mixed(network: &str) -> String {
    let authority = Authority::new();
    let server = Server::start(&authority, "mixed.example", fine()).await;
    let port = server.port();
    let at = |address: &str| format!("{address}:{port}").parse().unwrap();
    let egress = Egress::new().with_authorities(authority.pem().as_bytes()).unwrap();
    let egress = egress.with_host("mixed.example", at("127.0.0.1")).with_host("mixed.example", at("127.0.0.2"));
    let fixture =
        EgressFixture::of(server, "https://mixed.example", egress.with_network(network.parse().unwrap()), false);
    let report = fixture.send(sealed("https://mixed.example/")).await;
    format!("{}; connections: {}", outcome(&report), fixture.server.connections())
}

async fn valued(value: &'static str) -> String {
    let authority = Authority::new();
    let server = Server::start(&authority, "localhost", fine()).await;
    let origin = server.origin();
    let egress = Egress::new().with_authorities(authority.pem().as_bytes()).unwrap();
    let secrets = vec![("alpha", value)].leak();
    let fixture = EgressFixture::with(server, &origin, egress, true, Parts { secrets, ..Parts::default() });
    let report = fixture.send(sealed(&fixture.url("/"))).await;
    format!("{}; arrived: {}", outcome(&report), arrived(&fixture.server))
}

async fn recorded(host: &'static str) -> String {
    let fixture = EgressFixture::new(fine()).await;
    let url = format!("https://{host}:{}/open", fixture.server.port());
    fixture.send(json!([{ "method": "GET", "url": url }])).await;
    let records = fixture.host.events.records();
    let written = serde_json::to_string(&records.iter().map(AsRef::as_ref).collect::<Vec<_>>()).unwrap();
    format!("in the records: {}", if written.contains(host) { "yes" } else { "no" })
}
