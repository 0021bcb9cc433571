//! A small HTTP client, whose requests can carry secrets that the skill never sees.
//!
//! ```no_run
//! use far_skill::{http, secrets};
//!
//! # fn post() -> Result<(), far_skill::Error> {
//! let token = secrets::get("github-token")?;
//! let response = http::Request::post("https://api.github.com/repos/a/b/issues")
//!     .bearer(&token)?
//!     .json(&serde_json::json!({ "title": "It broke" }))?
//!     .send()?;
//! if response.status() == 201 {
//!     let issue: serde_json::Value = response.json()?;
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A request goes where the task may send requests, or where its secret may be sent; anything else is [`Error::Denied`]. No
//! redirect is followed: what a request carries never goes to another origin than its own. A skill that follows one itself makes
//! another request, on which the host decides like on any other.
//!
//! The host has a request's whole body before any of it leaves. [`Request::start`] and [`Request::send_streaming`] write and read
//! bodies in pieces, so that a large one need not be in the skill's memory as well.

mod error;
mod parts;
mod response;
mod streaming;

pub use error::Error;
pub(crate) use parts::{Fields, Parts};
pub use response::Response;
pub use streaming::{Incoming, Outgoing};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use crate::secrets::{self, Secret};
use crate::{host, sealed};

/// What a query leaves as it is (RFC 3986, unreserved).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A request in the making.
#[derive(Clone, Debug)]
pub struct Request(Parts);

impl Request {
    /// A request with this method to this URL.
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Self {
        Self(Parts { method: method.into(), url: url.into(), headers: Vec::new(), body: Vec::new() })
    }

    /// A GET request.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new("GET", url)
    }

    /// A POST request.
    pub fn post(url: impl Into<String>) -> Self {
        Self::new("POST", url)
    }

    /// A PUT request.
    pub fn put(url: impl Into<String>) -> Self {
        Self::new("PUT", url)
    }

    /// One more header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.0.headers.push((name.into(), value.into()));
        self
    }

    /// One more parameter of the URL's query, of which name and value are percent-encoded (RFC 3986).
    ///
    /// ```
    /// # use far_skill::http::Request;
    /// let request = Request::get("https://a.example/search").query("q", "a & b").query("page", "2");
    /// assert_eq!(request.url(), "https://a.example/search?q=a%20%26%20b&page=2");
    /// ```
    #[must_use]
    pub fn query(mut self, name: &str, value: &str) -> Self {
        let url = &mut self.0.url;
        let separator = match url.split_once('?') {
            None => "?",
            Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
            Some(_) => "&",
        };
        let encoded = |text| utf8_percent_encode(text, ENCODED);
        url.push_str(&format!("{separator}{}={}", encoded(name), encoded(value)));
        self
    }

    /// The URL, as far as it is made.
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// The secret as a header of this name, which the host puts there: where declaration, grant and operator have
    /// `header:NAME` among the placements, and as the one header of the name.
    ///
    /// # Errors
    ///
    /// As [`sealed::token`].
    pub fn header_secret(self, name: impl Into<String>, secret: &Secret) -> Result<Self, secrets::Error> {
        Ok(self.header(name, sealed::token(secret)?))
    }

    /// The secret as a parameter of the URL's query, which the host puts there, percent-encoded: where declaration, grant and
    /// operator have `query:NAME` among the placements, and as the one parameter of the name.
    ///
    /// Servers write URLs into logs: prefer a header where there is one.
    ///
    /// # Errors
    ///
    /// As [`sealed::token`].
    pub fn query_secret(self, name: &str, secret: &Secret) -> Result<Self, secrets::Error> {
        Ok(self.query(name, &sealed::token(secret)?))
    }

    /// The secret, a certificate and its key in PEM, as what the host shows the server as it connects, for this request alone:
    /// where declaration, grant and operator have `client-certificate` among the placements.
    ///
    /// # Errors
    ///
    /// As [`sealed::token`].
    pub fn client_certificate(self, secret: &Secret) -> Result<Self, secrets::Error> {
        // What stands for it stands here, and does not leave.
        self.header_secret("far-client-certificate", secret)
    }

    /// The secret as a bearer token (RFC 6750), which the host puts there.
    ///
    /// # Errors
    ///
    /// As [`sealed::token`].
    pub fn bearer(self, secret: &Secret) -> Result<Self, secrets::Error> {
        Ok(self.header("authorization", format!("Bearer {}", sealed::token(secret)?)))
    }

    /// The secret as the password of this user (RFC 7617), which the host puts there.
    ///
    /// # Errors
    ///
    /// As [`sealed::token`].
    pub fn basic(self, user: &str, secret: &Secret) -> Result<Self, secrets::Error> {
        let credentials = STANDARD.encode(format!("{user}:{}", sealed::token(secret)?));
        Ok(self.header("authorization", format!("Basic {credentials}")))
    }

    /// The body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.0.body = body.into();
        self
    }

    /// A body of JSON, with the header that says so.
    ///
    /// # Errors
    ///
    /// The value cannot be written as JSON.
    pub fn json<T: Serialize + ?Sized>(self, value: &T) -> Result<Self, Error> {
        let body = serde_json::to_vec(value).map_err(|_| Error::Json)?;
        Ok(self.header("content-type", "application/json").body(body))
    }

    /// Sends it, and waits for the whole answer.
    ///
    /// # Errors
    ///
    /// [`Error`](enum@Error); an answer of the server's is none, whatever its status.
    pub fn send(self) -> Result<Response, Error> {
        self.send_streaming()?.into_response()
    }

    /// Sends it, and waits for the answer's headers. Its body is then read in pieces.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_streaming(self) -> Result<Incoming, Error> {
        self.start()?.finish()
    }

    /// Begins to send it. What follows of its body, after what it has already, is written to what this gives.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), as far as it is known already.
    pub fn start(self) -> Result<Outgoing, Error> {
        host::http::Outgoing::start(self.0).map(Outgoing::new)
    }
}
