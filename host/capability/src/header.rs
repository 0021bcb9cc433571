//! Request headers that a skill has no say in.

/// Returns whether the host removes a header from a skill's request.
///
/// A header stays if it describes the body or the wanted response, carries a credential, or belongs
/// to the server's own API. The host removes a header that
///
/// - frames or encodes the message, or concerns the connection (`FRAMING`);
/// - repeats the request line, or tells a server on whose behalf its proxy acts. Its name has only
///   words for a route (`ROUTE`), ends in `override`, or is of a family of proxies, gateways and
///   frameworks (`FAMILIES`);
/// - names another resource than the URL does (`RESOURCES`, `*-copy-source`, `*-rename-source`).
///
/// Servers that pass headers on as variables treat other characters as `-`, so every character
/// except letters and digits counts as `-`.
pub fn is_stripped_header(name: &str) -> bool {
    let dash = |char: char| if char.is_ascii_alphanumeric() { char.to_ascii_lowercase() } else { '-' };
    let name: String = name.chars().map(dash).collect();
    let is_of = |family: &&str| name.strip_prefix(*family).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
    if FRAMING.contains(&&*name) || RESOURCES.iter().any(&is_of) {
        return true;
    }
    if OF_APIS.iter().any(&is_of) {
        return false;
    }
    FAMILIES.iter().any(is_of)
        || is_about_the_route(&name)
        || ["-override", "-copy-source", "-rename-source"].iter().any(|end| name.ends_with(end))
        || ["-copy-source-", "-rename-source-"].iter().any(|part| name.contains(part))
}

/// Checks for two words or more, all of them of [`ROUTE`] or [`BESIDE`], and one at least of
/// [`ROUTE`].
fn is_about_the_route(name: &str) -> bool {
    let words = || name.split('-').filter(|word| !word.is_empty());
    words().count() > 1
        && words().any(|word| ROUTE.contains(&word))
        && words().all(|word| ROUTE.contains(&word) || BESIDE.contains(&word))
}

/// Headers about the connection, and about how messages are coded and cut.
const FRAMING: [&str; 17] = [
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "if-range",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "request-range",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];

/// Beginnings of headers that name another resource.
const RESOURCES: [&str; 6] = ["destination", "uri", "url", "wap-profile", "x-copy-from", "x-wap-profile"];

/// Words for parts of a request line and of an address.
const ROUTE: [&str; 19] = [
    "addr",
    "address",
    "clientip",
    "forward",
    "forwarded",
    "host",
    "hostname",
    "ip",
    "method",
    "path",
    "port",
    "prefix",
    "proto",
    "protocol",
    "realip",
    "scheme",
    "uri",
    "url",
    "verb",
];

/// Words for the owner of a part of a route.
const BESIDE: [&str; 36] = [
    "backend",
    "base",
    "by",
    "client",
    "cluster",
    "connecting",
    "destination",
    "external",
    "for",
    "front",
    "gateway",
    "http",
    "https",
    "info",
    "internal",
    "invoke",
    "matched",
    "orig",
    "origin",
    "original",
    "originating",
    "proxy",
    "proxyuser",
    "real",
    "remote",
    "request",
    "rest",
    "root",
    "script",
    "server",
    "source",
    "target",
    "true",
    "upstream",
    "user",
    "x",
];

/// Beginnings of the headers of proxies, gateways, content networks and frameworks. Each stands for
/// itself, and for all names that go on with `-`.
const FAMILIES: [&str; 66] = [
    "akamai",
    "cdn-loop",
    "cf-access-authenticated-user",
    "cf-access-jwt",
    "cf-connecting",
    "cf-ew-via",
    "cf-ipcountry",
    "cf-pseudo",
    "cf-ray",
    "cf-visitor",
    "cf-worker",
    "client-cert",
    "fastly-client",
    "fastly-ff",
    "fastly-orig",
    "fastly-ssl",
    "fly",
    "forwarded",
    "front-end-https",
    "incap",
    "max-forwards",
    "path-info",
    "remote",
    "script-name",
    "ssl",
    "tailscale-user",
    "x-accel",
    "x-akamai",
    "x-amzn-mtls",
    "x-amzn-oidc",
    "x-appengine",
    "x-arr",
    "x-auth-request",
    "x-authentik",
    "x-azure-clientip",
    "x-azure-socketip",
    "x-client-cert",
    "x-consumer-custom-id",
    "x-consumer-groups",
    "x-consumer-id",
    "x-consumer-username",
    "x-envoy",
    "x-forwarded",
    "x-goog-authenticated-user",
    "x-goog-iap",
    "x-http",
    "x-lighttpd",
    "x-litespeed",
    "x-middleware",
    "x-ms-client-principal",
    "x-nf",
    "x-orig",
    "x-original",
    "x-path-info",
    "x-pomerium",
    "x-remote",
    "x-reproxy",
    "x-rewrite",
    "x-script-name",
    "x-sendfile",
    "x-server-name",
    "x-ssl",
    "x-tls",
    "x-vercel-forwarded",
    "x-vercel-ip",
    "x-webauth",
];

/// Headers of APIs within those families, and beginnings of metadata with names of their users'
/// choice.
const OF_APIS: [&str; 6] =
    ["x-akamai-acs", "x-amz-meta", "x-container-meta", "x-goog-meta", "x-ms-meta", "x-object-meta"];

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Names of headers with what becomes of them.
    const TABLE: &str = include_str!("../tests/tables/headers.json");

    #[test]
    fn headers_are_stripped_as_table_says() {
        let table: BTreeMap<String, Vec<String>> = serde_json::from_str(TABLE).unwrap();
        assert!(table["stripped"].iter().all(|name| is_stripped_header(name)));
        for name in &table["kept"] {
            assert!(!is_stripped_header(name), "{name}");
        }
    }

    #[test]
    fn families_are_spelled_as_compared() {
        for name in FRAMING.iter().chain(&RESOURCES).chain(&FAMILIES).chain(&OF_APIS) {
            let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            assert!(name.bytes().all(is_plain) && !name.ends_with('-'), "{name}");
        }
        assert!(ROUTE.iter().chain(&BESIDE).all(|word| !word.contains('-')));
    }

    #[test]
    fn every_family_is_stripped() {
        for name in FRAMING.iter().chain(&RESOURCES).chain(&FAMILIES) {
            assert!(is_stripped_header(name), "{name}");
        }
        for name in RESOURCES.iter().chain(&FAMILIES) {
            assert!(is_stripped_header(&format!("{name}-more").to_uppercase()), "{name}");
        }
        assert!(!OF_APIS.iter().any(|name| is_stripped_header(name)));
    }

    #[test]
    fn any_separator_counts_as_dash() {
        for separator in "!#$%&'*+.^_`|~".chars() {
            assert!(is_stripped_header(&"X-Original-URL".replace('-', &separator.to_string())), "{separator}");
        }
    }
}
