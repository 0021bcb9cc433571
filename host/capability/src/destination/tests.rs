//! Coverage of destinations, and rejected patterns.

use proptest::prelude::*;

use super::*;

fn covers(destination: &str, method: &str, url: &str) -> bool {
    destination.parse::<Destination>().unwrap().covers(&Target::new(method, url).unwrap())
}

#[test]
fn destination_covers_own_origin_only() {
    assert!(covers("https://api.github.com", "GET", "https://api.github.com/user?x=1"));
    for url in [
        "http://api.github.com/",
        "https://api.github.com:8443/",
        "https://api.github.com.evil.example/",
        "https://evil.example/api.github.com",
        "https://github.com/",
        "https://x.api.github.com/",
    ] {
        assert!(!covers("https://api.github.com", "GET", url), "{url}");
    }
}

#[test]
fn path_prefix_ends_at_segment() {
    for url in ["https://a.example/v1", "https://a.example/v1/x", "https://a.example/v1/"] {
        assert!(covers("https://a.example/v1", "GET", url), "{url}");
    }
    for url in ["https://a.example/", "https://a.example/v10", "https://a.example/v", "https://a.example/x/v1"] {
        assert!(!covers("https://a.example/v1", "GET", url), "{url}");
    }
}

#[test]
fn hidden_dot_segments_are_rejected() {
    for path in [
        "v1/..%2fadmin",
        "v1/..%2F..%2fadmin",
        "v1/..%5cadmin",
        "v1/..;/admin",
        "v1/%2e%2e;x/admin",
        "v1/..%252fadmin",
        "v1/%252e%252e/admin",
        "v1/..%3b/admin",
        "v1/.%2fx",
        "v1%2f..",
        "v1/%c0%ae%c0%ae/admin",
        "v1/..%00/admin",
        "v1/..%20/admin",
        "v1/.%e2%80%8b",
    ] {
        assert_eq!(Target::new("GET", &format!("https://a.example/{path}")), Err(TargetError), "{path}");
        let destination = format!("https://a.example/{path}").parse::<Destination>();
        assert_eq!(destination, Err(DestinationError::DotSegments), "{path}");
    }
    for path in ["group%2Fname", "a..b/c", "...", "v1/a;b=..", "v1/%20", ".well-known/x", "100%25"] {
        assert!(Target::new("GET", &format!("https://a.example/{path}")).is_ok(), "{path}");
        assert!(covers(&format!("https://a.example/{path}"), "GET", &format!("https://a.example/{path}/x")), "{path}");
    }
}

#[test]
fn only_named_methods_are_covered() {
    assert!(covers("GET,HEAD https://a.example", "HEAD", "https://a.example/"));
    assert!(!covers("GET,HEAD https://a.example", "POST", "https://a.example/"));
}

#[test]
fn wildcard_matches_one_label() {
    assert!(covers("https://*.example.com", "GET", "https://eu.example.com/"));
    for url in ["https://example.com/", "https://a.b.example.com/", "https://xexample.com/"] {
        assert!(!covers("https://*.example.com", "GET", url), "{url}");
    }
}

#[test]
fn wildcard_over_suffix_rule_is_rejected() {
    // The children of each domain are public suffixes.
    for domain in [
        "kobe.jp",
        "kawasaki.jp",
        "ck",
        "er",
        "compute.amazonaws.com",
        "compute.amazonaws.com.cn",
        "elb.amazonaws.com",
        "compute.estate",
        "sch.uk",
        "nom.br",
        "platformsh.site",
        "statics.cloud",
        "quipelements.com",
        "0emm.com",
        "azurewebsites.net",
        "vercel.app",
        "blogspot.com",
        "internal",
        "localhost",
    ] {
        let destination = format!("https://*.{domain}").parse::<Destination>();
        assert_eq!(destination, Err(DestinationError::PublicSuffix), "{domain}");
    }
    for domain in ["city.kobe.jp", "x.zzz.kobe.jp", "www.ck", "example.com", "corp.internal", "eu.example.co.uk"] {
        assert!(covers(&format!("https://*.{domain}"), "GET", &format!("https://a.{domain}/")), "{domain}");
    }
}

#[test]
fn wildcard_excludes_public_suffixes() {
    // A separate rule makes `s3.amazonaws.com` a public suffix.
    let wildcard: Destination = "https://*.amazonaws.com".parse().unwrap();
    let (own, shared) = ("https://sqs.amazonaws.com", "https://s3.amazonaws.com");
    assert!(wildcard.covers(&Target::new("GET", &format!("{own}/")).unwrap()));
    let target = Target::new("GET", &format!("{shared}/")).unwrap();
    assert!(!wildcard.covers(&target));
    // A required secret is required for the excluded host too.
    assert!(wildcard.matches_host(&target));
    assert!(own.parse::<Destination>().unwrap().is_within(std::slice::from_ref(&wildcard)));
    assert!(!shared.parse::<Destination>().unwrap().is_within(&[wildcard]));
}

#[test]
fn destination_is_within_covering_patterns() {
    let within = |destination: &str, allowed: &[&str]| {
        let allowed: Vec<Destination> = allowed.iter().map(|text| text.parse().unwrap()).collect();
        destination.parse::<Destination>().unwrap().is_within(&allowed)
    };
    for (destination, allowed) in [
        ("https://a.example", &["https://a.example"][..]),
        ("https://a.example/v1/x", &["https://b.example", "https://a.example/v1"]),
        ("GET https://a.example", &["https://a.example"]),
        ("GET,POST https://a.example", &["POST https://a.example", "GET https://a.example/"]),
        ("https://eu.example.com", &["https://*.example.com"]),
        ("https://*.example.com/v1", &["https://*.example.com"]),
    ] {
        assert!(within(destination, allowed), "{destination} within {allowed:?}");
    }
    for (destination, allowed) in [
        ("https://a.example", &[][..]),
        ("https://a.example", &["http://a.example"]),
        ("https://a.example", &["https://a.example:8443"]),
        ("https://a.example/v10", &["https://a.example/v1"]),
        ("https://a.example", &["https://a.example/v1"]),
        ("https://a.example", &["GET https://a.example", "POST https://a.example"]),
        ("GET,PUT https://a.example", &["GET https://a.example", "PUT https://b.example"]),
        ("https://*.example.com", &["https://eu.example.com"]),
        ("https://a.b.example.com", &["https://*.example.com"]),
    ] {
        assert!(!within(destination, allowed), "{destination} within {allowed:?}");
    }
}

#[test]
fn invalid_destinations_are_rejected() {
    let cases = [
        ("", DestinationError::Url),
        ("api.github.com", DestinationError::Url),
        ("ftp://a.example", DestinationError::Scheme),
        ("https://user@a.example", DestinationError::Part),
        ("https://a.example/?q", DestinationError::Part),
        ("https://a.example/#f", DestinationError::Part),
        ("https://A.example", DestinationError::NotSerialized),
        ("https://a.example:443", DestinationError::NotSerialized),
        ("https://a.example/x/../y", DestinationError::NotSerialized),
        ("https://a.example/..;", DestinationError::DotSegments),
        ("https://a.example\\@evil.example", DestinationError::NotSerialized),
        ("https://b\u{fc}cher.example", DestinationError::NotSerialized),
        ("https://0x7f.1", DestinationError::NotSerialized),
        ("https://*", DestinationError::Wildcard),
        ("https://a.*.example.com", DestinationError::Wildcard),
        ("https://*.*.example.com", DestinationError::Wildcard),
        ("https://x*.example.com", DestinationError::Wildcard),
        ("https://*.com", DestinationError::PublicSuffix),
        ("https://*.co.uk", DestinationError::PublicSuffix),
        ("https://*.github.io", DestinationError::PublicSuffix),
        ("https://*.kobe.jp", DestinationError::PublicSuffix),
        ("https://*.xn--55qx5d.cn", DestinationError::PublicSuffix),
        ("https://*.com.", DestinationError::PublicSuffix),
        ("https://*.kobe.jp.", DestinationError::PublicSuffix),
        ("get https://a.example", DestinationError::Method),
        (",GET https://a.example", DestinationError::Method),
    ];
    for (text, error) in cases {
        assert_eq!(text.parse::<Destination>(), Err(error), "{text:?}");
    }
}

#[test]
fn invalid_targets_are_rejected() {
    for url in ["https://u:p@a.example/", "https://a.example/a/../b", "file:///etc", "https://A.example/"] {
        assert_eq!(Target::new("GET", url), Err(TargetError), "{url}");
    }
    assert_eq!(Target::new("get", "https://a.example/"), Err(TargetError));
}

fn patterns() -> impl Strategy<Value = String> {
    let method = prop_oneof![Just(""), Just("GET "), Just("GET,POST ")];
    let host = prop_oneof![Just("*.example.com"), Just("a.example.com"), Just("b.example.com")];
    let path = prop_oneof![Just(""), Just("/"), Just("/v1"), Just("/v1/"), Just("/v1/x"), Just("/v10")];
    (method, host, path).prop_map(|(method, host, path)| format!("{method}https://{host}{path}"))
}

proptest! {
    #[test]
    fn is_within_implies_coverage(
        narrow in patterns(),
        wide in proptest::collection::vec(patterns(), 0..3),
        method in prop_oneof![Just("GET"), Just("POST"), Just("PUT")],
        url in prop_oneof![Just("a.example.com"), Just("b.example.com"), Just("c.example.com")],
        path in prop_oneof![Just("/"), Just("/v1"), Just("/v1/"), Just("/v1/x/y"), Just("/v10")],
    ) {
        let narrow: Destination = narrow.parse().unwrap();
        let wide: Vec<Destination> = wide.iter().map(|text| text.parse().unwrap()).collect();
        let target = Target::new(method, &format!("https://{url}{path}")).unwrap();
        if narrow.is_within(&wide) && narrow.covers(&target) {
            prop_assert!(wide.iter().any(|wide| wide.covers(&target)), "{narrow} {wide:?} {target:?}");
        }
    }

    #[test]
    fn wildcard_covers_one_owner(
        domain in "[a-z]{1,3}\\.kobe\\.jp|(kobe|city\\.kobe|[a-z]{1,3})\\.(jp|ck|com|co\\.uk|amazonaws\\.com)",
        children in proptest::collection::vec("s3|www|city|[a-z]{1,5}", 2),
    ) {
        if let Ok(wildcard) = format!("https://*.{domain}").parse::<Destination>() {
            for child in children {
                let host = format!("{child}.{domain}");
                let is_covered = wildcard.covers(&Target::new("GET", &format!("https://{host}/")).unwrap());
                let owner = psl::domain_str(&domain);
                prop_assert_eq!(is_covered, owner.is_some() && psl::domain_str(&host) == owner, "{}", host);
            }
        }
    }

    #[test]
    fn exact_host_covers_itself_only(host in "[a-z]{1,8}(\\.[a-z]{1,8}){1,3}", path in "(/[a-z0-9]{1,5}){0,3}") {
        let url = format!("https://{host}{path}");
        if let Ok(target) = Target::new("GET", &url) {
            let covered = "https://api.example.com".parse::<Destination>().unwrap().covers(&target);
            prop_assert_eq!(covered, host == "api.example.com");
        }
    }

    #[test]
    fn parsed_destination_keeps_its_text(text in "\\PC{0,60}") {
        if let Ok(destination) = text.parse::<Destination>() {
            prop_assert_eq!(destination.as_str(), text.as_str());
        }
    }
}

#[test]
fn target_is_covered_by_its_own_destination() {
    for url in ["https://a.example/v1/x", "http://a.example/", "https://a.example:8443/", "https://[::1]/x?q=1"] {
        let target = Target::new("GET", url).unwrap();
        let destination: Destination = target.to_destination().parse().unwrap();
        assert!(destination.covers(&target) && destination.is_https() == target.is_https(), "{destination}");
        assert!(!destination.covers(&Target::new("PUT", url).unwrap()), "{destination}");
    }
}
