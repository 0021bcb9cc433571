//! Pushes images by the distribution specification.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Registry;
use crate::failure::Failure;
use crate::http::{Request, Response};

/// The media type of an image's manifest (OCI image specification).
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

impl Registry {
    /// Pushes an image with one layer and returns the digest of its manifest.
    ///
    /// # Errors
    ///
    /// An error if the registry rejects the image or does not respond.
    pub fn push_image(&self, repository: &str, tag: &str) -> Result<String, Failure> {
        let config =
            self.push_blob(repository, json!({ "os": "linux", "architecture": "amd64" }).to_string().as_bytes())?;
        let layer = self.push_blob(repository, b"a layer of a test's image")?;
        let descriptor = |media: &str, (digest, size): &(String, usize)| json!({ "mediaType": media, "digest": digest, "size": size });
        let manifest: Value = json!({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": descriptor("application/vnd.oci.image.config.v1+json", &config),
            "layers": [descriptor("application/vnd.oci.image.layer.v1.tar", &layer)],
        });
        let manifest = manifest.to_string();
        let path = format!("/v2/{repository}/manifests/{tag}");
        let put =
            Request { method: "PUT", path: &path, headers: &[("content-type", MANIFEST)], body: manifest.as_bytes() };
        self.expect_created(&put)?;
        Ok(digest(manifest.as_bytes()))
    }

    fn push_blob(&self, repository: &str, content: &[u8]) -> Result<(String, usize), Failure> {
        let path = format!("/v2/{repository}/blobs/uploads/?digest={}", digest(content));
        let started = self.send(&Request { method: "POST", path: &path, headers: &[], body: &[] })?;
        let location = started.header("location").and_then(|url| url.get(url.find("/v2/")?..));
        let location = location.ok_or_else(|| failure(&started))?;
        let path = format!("{location}&digest={}", digest(content));
        let headers = [("content-type", "application/octet-stream")];
        self.expect_created(&Request { method: "PUT", path: &path, headers: &headers, body: content })?;
        Ok((digest(content), content.len()))
    }

    fn expect_created(&self, request: &Request<'_>) -> Result<(), Failure> {
        let response = self.send(request)?;
        if response.status == 201 { Ok(()) } else { Err(failure(&response)) }
    }
}

fn digest(content: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(content)))
}

fn failure(response: &Response) -> Failure {
    let text = String::from_utf8_lossy(&response.body);
    Failure::new(format!("the registry returned status {}: {}", response.status, text.trim()))
}
