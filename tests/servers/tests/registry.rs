//! The registry takes an image from who has the password, over TLS.

use far_servers::{Authority, Registry, http, or_skip};

#[test]
fn it_takes_an_image_and_tells_its_tags() {
    let authority = Authority::new();
    let Some(registry) = or_skip(Registry::start(&authority)) else { return };
    assert_eq!(registry.tags("tests/image").unwrap(), [""; 0]);
    let digest = registry.push_image("tests/image", "one").unwrap();
    assert_eq!(registry.tags("tests/image").unwrap(), ["one"]);
    let path = format!("/v2/tests/image/manifests/{digest}");
    let accept = [("accept", "application/vnd.oci.image.manifest.v1+json")];
    let head = http::Request { method: "HEAD", path: &path, headers: &accept, body: &[] };
    assert_eq!(registry.send(&head).unwrap().header("docker-content-digest"), Some(digest.as_str()));
}

#[test]
fn it_takes_nothing_without_the_password() {
    let authority = Authority::new();
    let Some(registry) = or_skip(Registry::start(&authority)) else { return };
    let request = http::Request { method: "GET", path: "/v2/", headers: &[], body: &[] };
    assert_eq!(registry.send(&request).unwrap().status, 200);
    assert_eq!(registry.send_with("other", &request).unwrap().status, 401);
    // Without TLS, it says only that it wants some.
    assert_eq!(http::send(registry.socket(), &request).unwrap().status, 400);
}
