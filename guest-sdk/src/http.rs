//! An HTTP client whose requests carry secrets that the skill never sees.
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
//! The host sends a request to a destination that the task may reach, or that the request's secret
//! may be sent to. It refuses any other request with [`Error::Denied`]. The host follows no
//! redirects, so a secret never moves to another origin. A skill that follows a redirect makes a
//! new request, which the host checks like any other.
//!
//! The host sends a request once it has the whole body. [`Request::start`] and
//! [`Request::send_streaming`] write and read bodies in chunks, to keep large ones out of the
//! skill's memory.

mod error;
mod parts;
mod response;
mod streaming;

pub use error::Error;
pub(crate) use parts::{Fields, Parts};
pub use response::Response;
pub use streaming::{IncomingResponse, OutgoingRequest};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use crate::secrets::{self, Secret};
use crate::{host, sealed};

/// Characters to percent-encode in a query: all but the unreserved ones (RFC 3986).
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// An HTTP request, with builder methods.
#[derive(Clone, Debug)]
pub struct Request(Parts);

impl Request {
    /// Creates a request with this method to this URL.
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Self {
        Self(Parts { method: method.into(), url: url.into(), headers: Vec::new(), body: Vec::new() })
    }

    /// Creates a GET request.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new("GET", url)
    }

    /// Creates a POST request.
    pub fn post(url: impl Into<String>) -> Self {
        Self::new("POST", url)
    }

    /// Creates a PUT request.
    pub fn put(url: impl Into<String>) -> Self {
        Self::new("PUT", url)
    }

    /// Appends a header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.0.headers.push((name.into(), value.into()));
        self
    }

    /// Appends a parameter to the URL's query, percent-encoded (RFC 3986).
    ///
    /// ```
    /// # use far_skill::http::Request;
    /// let request = Request::get("https://a.example").query("q", "a & b").query("page", "2");
    /// assert_eq!(request.url(), "https://a.example?q=a%20%26%20b&page=2");
    /// ```
    #[must_use]
    pub fn query(mut self, name: &str, value: &str) -> Self {
        let url = &mut self.0.url;
        let separator = match url.split_once('?') {
            None => "?",
            Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
            Some(_) => "&",
        };
        let encoded = |text| utf8_percent_encode(text, QUERY);
        url.push_str(&format!("{separator}{}={}", encoded(name), encoded(value)));
        self
    }

    /// Returns the URL, with the parameters appended so far.
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// Appends a header whose value is the secret; the host inserts it as the request leaves.
    ///
    /// The declaration, the grant and the operator's configuration must all name the placement
    /// `header:NAME`. The request must have one header of that name.
    ///
    /// # Errors
    ///
    /// As [`sealed::token`].
    pub fn header_secret(self, name: impl Into<String>, secret: &Secret) -> Result<Self, secrets::Error> {
        Ok(self.header(name, sealed::token(secret)?))
    }

    /// Appends a query parameter whose value is the secret; the host inserts it, percent-encoded,
    /// as the request leaves.
    ///
    /// The declaration, the grant and the operator's configuration must all name the placement
    /// `query:NAME`. The query must have one parameter of that name.
    ///
    /// Servers log URLs: prefer a header if the API accepts one.
    ///
    /// # Errors
    ///
    /// As [`sealed::token`].
    pub fn query_secret(self, name: &str, secret: &Secret) -> Result<Self, secrets::Error> {
        Ok(self.query(name, &sealed::token(secret)?))
    }

    /// Authenticates the connection of this request with a client certificate. The secret is a
    /// certificate and its key in PEM; the host presents them.
    ///
    /// The declaration, the grant and the operator's configuration must all name the placement
    /// `client-certificate`.
    ///
    /// # Errors
    ///
    /// As [`sealed::token`].
    pub fn client_certificate(self, secret: &Secret) -> Result<Self, secrets::Error> {
        // This header carries the placeholder; the host removes it from the request.
        self.header_secret("far-client-certificate", secret)
    }

    /// Sends the secret as a bearer token (RFC 6750); the host inserts it as the request leaves.
    ///
    /// # Errors
    ///
    /// As [`sealed::token`].
    pub fn bearer(self, secret: &Secret) -> Result<Self, secrets::Error> {
        Ok(self.header("authorization", format!("Bearer {}", sealed::token(secret)?)))
    }

    /// Sends the secret as this user's password with the `Basic` scheme (RFC 7617); the host
    /// inserts it as the request leaves.
    ///
    /// # Errors
    ///
    /// As [`sealed::token`].
    pub fn basic(self, user: &str, secret: &Secret) -> Result<Self, secrets::Error> {
        let credentials = STANDARD.encode(format!("{user}:{}", sealed::token(secret)?));
        Ok(self.header("authorization", format!("Basic {credentials}")))
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.0.body = body.into();
        self
    }

    /// Sets a JSON body and the header `content-type`.
    ///
    /// # Errors
    ///
    /// [`Error::Json`] if the value cannot be serialized.
    pub fn json<T: Serialize + ?Sized>(self, value: &T) -> Result<Self, Error> {
        let body = serde_json::to_vec(value).map_err(|_| Error::Json)?;
        Ok(self.header("content-type", "application/json").body(body))
    }

    /// Sends the request and waits for the whole response.
    ///
    /// # Errors
    ///
    /// An [`Error`](enum@Error) if there is no response. A response with an error status is not an
    /// error.
    pub fn send(self) -> Result<Response, Error> {
        self.send_streaming()?.into_response()
    }

    /// Sends the request and waits for the response's headers. The body is then read in chunks.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_streaming(self) -> Result<IncomingResponse, Error> {
        self.start()?.finish()
    }

    /// Starts the request. The returned writer appends to the body set so far.
    ///
    /// # Errors
    ///
    /// Errors of [`send`](Self::send) that the host detects early. [`OutgoingRequest::finish`]
    /// returns the rest.
    pub fn start(self) -> Result<OutgoingRequest, Error> {
        host::http::PendingRequest::start(self.0).map(OutgoingRequest::new)
    }
}
