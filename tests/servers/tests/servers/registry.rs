//! Tests of the registry over TLS.

use far_servers::{Authority, Registry, http, or_skip};

#[test]
fn pushed_image_has_tag_and_digest() {
    let authority = Authority::new();
    let Some(registry) = or_skip(Registry::start(&authority)) else { return };
    assert_eq!(registry.tags("tests/image").unwrap(), [""; 0]);
    let digest = registry.push_image("tests/image", "one").unwrap();
    assert_eq!(registry.tags("tests/image").unwrap(), ["one"]);
    assert_eq!(registry.digest("tests/image", "one").unwrap(), digest);
    assert!(registry.digest("tests/image", "two").is_err());
}

#[test]
fn request_needs_password() {
    let authority = Authority::new();
    let Some(registry) = or_skip(Registry::start(&authority)) else { return };
    let request = http::Request { method: "GET", path: "/v2/", headers: &[], body: &[] };
    assert_eq!(registry.send(&request).unwrap().status, 200);
    assert_eq!(registry.send_with("other", &request).unwrap().status, 401);
    // Without TLS, the registry only requests TLS.
    assert_eq!(http::send(registry.socket(), &request).unwrap().status, 400);
}
