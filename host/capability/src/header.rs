//! Request headers that the host removes.

/// Returns true if the host removes a header from a skill's request.
///
/// A header stays if it describes the body or the expected response, carries a credential, or
/// belongs to the server's API. The host removes a header that
///
/// - frames or encodes the message, or concerns the connection (`FRAMING`);
/// - repeats the request line or names the client of a proxy, by words for a route only (`ROUTE`)
///   or by the suffix `override`;
/// - belongs to a proxy, gateway or framework (`FAMILIES`);
/// - names a resource other than the URL (`RESOURCES`, `*-copy-source`, `*-rename-source`).
///
/// Every character except letters and digits counts as `-`, as in servers that map headers to
/// variables.
pub fn is_stripped_header(name: &str) -> bool {
    let dash = |char: char| if char.is_ascii_alphanumeric() { char.to_ascii_lowercase() } else { '-' };
    let name: String = name.chars().map(dash).collect();
    let is_of = |family: &&str| name.strip_prefix(*family).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
    if FRAMING.contains(&&*name) || RESOURCES.iter().any(&is_of) {
        return true;
    }
    if API_PREFIXES.iter().any(&is_of) {
        return false;
    }
    FAMILIES.iter().any(is_of)
        || is_about_route(&name)
        || ["-override", "-copy-source", "-rename-source"].iter().any(|end| name.ends_with(end))
        || ["-copy-source-", "-rename-source-"].iter().any(|part| name.contains(part))
}

/// Reports whether a name has two words or more, all in [`ROUTE`] or [`ROUTE_OWNERS`], and one or
/// more in [`ROUTE`].
fn is_about_route(name: &str) -> bool {
    let words = || name.split('-').filter(|word| !word.is_empty());
    words().count() > 1
        && words().any(|word| ROUTE.contains(&word))
        && words().all(|word| ROUTE.contains(&word) || ROUTE_OWNERS.contains(&word))
}

/// Headers about the connection, and about the coding and framing of messages.
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

/// Prefixes of headers that name another resource.
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
const ROUTE_OWNERS: [&str; 36] = [
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

/// Prefixes of headers of proxies, gateways, content networks and frameworks. Each matches itself
/// and all names that continue with `-`.
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

/// Prefixes of API headers and user metadata, which stay although they match [`FAMILIES`].
const API_PREFIXES: [&str; 6] =
    ["x-akamai-acs", "x-amz-meta", "x-container-meta", "x-goog-meta", "x-ms-meta", "x-object-meta"];

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Names of headers by the expected result.
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
    fn listed_names_are_normalized() {
        for name in FRAMING.iter().chain(&RESOURCES).chain(&FAMILIES).chain(&API_PREFIXES) {
            let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            assert!(name.bytes().all(is_plain) && !name.ends_with('-'), "{name}");
        }
        assert!(ROUTE.iter().chain(&ROUTE_OWNERS).all(|word| !word.contains('-')));
    }

    #[test]
    fn every_listed_name_is_stripped() {
        for name in FRAMING.iter().chain(&RESOURCES).chain(&FAMILIES) {
            assert!(is_stripped_header(name), "{name}");
        }
        for name in RESOURCES.iter().chain(&FAMILIES) {
            assert!(is_stripped_header(&format!("{name}-more").to_uppercase()), "{name}");
        }
        assert!(!API_PREFIXES.iter().any(|name| is_stripped_header(name)));
    }

    #[test]
    fn any_separator_counts_as_dash() {
        for separator in "!#$%&'*+.^_`|~".chars() {
            assert!(is_stripped_header(&"X-Original-URL".replace('-', &separator.to_string())), "{separator}");
        }
    }
}
