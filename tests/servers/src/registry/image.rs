//! An image in a registry, by the distribution specification's own requests.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Registry;
use crate::failure::Failure;
use crate::http::{Answer, Request};

/// The type of an image's manifest (OCI image specification).
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

impl Registry {
    /// Pushes an image with one layer, and answers with the digest of its manifest.
    ///
    /// # Errors
    ///
    /// The registry does not take it, or does not answer.
    pub fn push_image(&self, repository: &str, tag: &str) -> Result<String, Failure> {
        let config =
            self.push_blob(repository, json!({ "os": "linux", "architecture": "amd64" }).to_string().as_bytes())?;
        let layer = self.push_blob(repository, b"a layer of a test's image")?;
        let described = |media: &str, (digest, size): &(String, usize)| json!({ "mediaType": media, "digest": digest, "size": size });
        let manifest: Value = json!({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": described("application/vnd.oci.image.config.v1+json", &config),
            "layers": [described("application/vnd.oci.image.layer.v1.tar", &layer)],
        });
        let manifest = manifest.to_string();
        let path = format!("/v2/{repository}/manifests/{tag}");
        let put =
            Request { method: "PUT", path: &path, headers: &[("content-type", MANIFEST)], body: manifest.as_bytes() };
        self.created(&put)?;
        Ok(digest(manifest.as_bytes()))
    }

    fn push_blob(&self, repository: &str, content: &[u8]) -> Result<(String, usize), Failure> {
        let path = format!("/v2/{repository}/blobs/uploads/?digest={}", digest(content));
        let started = self.send(&Request { method: "POST", path: &path, headers: &[], body: &[] })?;
        let place = started.header("location").and_then(|place| place.get(place.find("/v2/")?..));
        let place = place.ok_or_else(|| refused(&started))?;
        let path = format!("{place}&digest={}", digest(content));
        let headers = [("content-type", "application/octet-stream")];
        self.created(&Request { method: "PUT", path: &path, headers: &headers, body: content })?;
        Ok((digest(content), content.len()))
    }

    fn created(&self, request: &Request<'_>) -> Result<(), Failure> {
        let answer = self.send(request)?;
        if answer.status == 201 { Ok(()) } else { Err(refused(&answer)) }
    }
}

fn digest(content: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(content)))
}

fn refused(answer: &Answer) -> Failure {
    let text = String::from_utf8_lossy(&answer.body);
    Failure::new(format!("the registry answered with {}: {}", answer.status, text.trim()))
}
