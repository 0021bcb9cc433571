//! Requests and destinations that a server, a proxy or a name registry may read differently.

use far_core::capability::{Destination, Target};
use serde_json::{Value, json};

use super::Case;
use super::egress::{arrived, fine, outcome};
use super::trial::Trial;
use crate::egress_fixture::EgressFixture;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case {
            id: "29-lenient-dots",
            description: "paths that a lenient decoder reads as dot segments",
            attack: Trial::new("completed 12 × Invalid; arrived: nothing", || with_alpha(&LENIENT)),
            twin: Trial::new("completed 6 × 200; arrived: the secret", || with_alpha(&PLAIN)),
        },
        Case {
            id: "29-lenient-grant",
            description: "a destination whose path a lenient decoder reads as another",
            attack: Trial::new("refused", || written("https://a.example/open/..;x", "https://a.example/open/..;x")),
            twin: Trial::new("covers", || written("https://a.example/open/..x", "https://a.example/open/..x")),
        },
        Case {
            id: "29-suffix-wildcard",
            description: "a wildcard over a domain whose children are public suffixes",
            attack: Trial::new("refused", || written("https://*.kobe.jp", "https://zzz.kobe.jp/")),
            twin: Trial::new("covers", || written("https://*.city.kobe.jp", "https://zzz.city.kobe.jp/")),
        },
        Case {
            id: "29-suffix-below-wildcard",
            description: "a public suffix below a wildcard for one owner's hosts",
            attack: Trial::new("other", || written("https://*.amazonaws.com", "https://s3.amazonaws.com/")),
            twin: Trial::new("covers", || written("https://*.amazonaws.com", "https://sqs.amazonaws.com/")),
        },
        Case {
            id: "39-intermediary",
            description: "proxy headers that name another host, path, method, client or file, with a secret",
            attack: Trial::new("completed 1 × 200; headers: none", || beside(&OF_INTERMEDIARIES)),
            twin: Trial::new("completed 1 × 200; headers: 4", || beside(&OF_APIS)),
        },
    ]
}

const LENIENT: [&str; 12] = [
    "/open/..%00/admin",
    "/open/..%20/admin",
    "/open/%c0%ae%c0%ae/admin",
    "/open/%e0%80%ae%e0%80%ae/admin",
    "/open/%ef%bc%8e%ef%bc%8e/admin",
    "/open/%25u002e%25u002e/admin",
    "/open/x%e2%88%95..%e2%88%95admin",
    "/open/..%3f/admin",
    "/open/..%23/admin",
    "/open/..+/admin",
    "/open/..::$DATA/admin",
    "/open/.%e2%80%8b./admin",
];

const PLAIN: [&str; 6] =
    ["/open/..a", "/open/...", "/open/.well-known", "/open/a%2Fb", "/open/%e6%9d%b1.txt", "/open/who%3f"];

const OF_INTERMEDIARIES: [&str; 10] = [
    "x-http-host-override",
    "x-forwarded-path",
    "x-original-method",
    "x-envoy-original-path",
    "x-url-scheme",
    "x-real-ip",
    "x-middleware-subrequest",
    "x-accel-redirect",
    "x.rewrite.url",
    "x-amz-copy-source",
];

const OF_APIS: [&str; 4] = ["x-github-api-version", "anthropic-version", "x-amz-target", "cf-access-client-id"];

/// Sends a secret to each of these paths.
async fn with_alpha(paths: &'static [&'static str]) -> String {
    let fixture = EgressFixture::new(fine()).await;
    let request = |path: &&str| json!({ "method": "GET", "url": fixture.url(path), "bearer": "alpha" });
    let report = fixture.send(paths.iter().map(request).collect::<Value>()).await;
    format!("{}; arrived: {}", counted(&outcome(&report)), arrived(&fixture.server))
}

/// Sends a secret and these headers, and counts the headers that arrive.
async fn beside(names: &'static [&'static str]) -> String {
    let fixture = EgressFixture::new(fine()).await;
    let headers: Vec<_> = names.iter().map(|name| json!([name, "/admin"])).collect();
    let request = json!([{ "method": "GET", "url": fixture.url("/a"), "bearer": "alpha", "headers": headers }]);
    let report = fixture.send(request).await;
    let arrived = fixture.server.arrived().concat();
    let found = names.iter().filter(|name| arrived.contains(&format!("\r\n{name}: /admin\r\n"))).count();
    let found = if found == 0 { "none".to_owned() } else { found.to_string() };
    format!("{}; headers: {found}", counted(&outcome(&report)))
}

/// Merges equal answers into one with a count.
fn counted(outcome: &str) -> String {
    let Some(answers) = outcome.strip_prefix("completed ") else { return outcome.to_owned() };
    let mut answers: Vec<_> = answers.split(", ").collect();
    let count = answers.len();
    answers.dedup();
    format!("completed {count} × {}", answers.join(", "))
}

/// Parses a destination and checks whether it covers a request.
async fn written(destination: &str, url: &str) -> String {
    let Ok(destination) = destination.parse::<Destination>() else { return "refused".to_owned() };
    let covers = Target::new("GET", url).is_ok_and(|target| destination.covers(&target));
    if covers { "covers" } else { "other" }.to_owned()
}
