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
//! redirect is followed: what a request carries never goes to another origin than its own.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::secrets::{self, Secret};
use crate::{host, sealed};

/// A request in the making.
#[derive(Clone, Debug)]
pub struct Request(Parts);

/// What a request is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parts {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

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

    /// Sends it, and waits for the answer's headers.
    ///
    /// # Errors
    ///
    /// [`Error`]; an answer of the server's is none, whatever its status.
    pub fn send(self) -> Result<Response, Error> {
        host::http::send(self.0)
    }
}

/// A server's answer. What it has of values that the task was given, the host has taken out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Vec<(String, Vec<u8>)>,
}

impl Response {
    /// An answer for tests, with this status and body.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into(), trailers: Vec::new() }
    }

    /// One more header, in an answer for tests.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The headers, in their order.
    pub fn headers(&self) -> &[(String, Vec<u8>)] {
        &self.headers
    }

    /// The first header of this name, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(found, _)| found.eq_ignore_ascii_case(name))?;
        str::from_utf8(&found.1).ok()
    }

    /// The body.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// What followed the body.
    pub fn trailers(&self) -> &[(String, Vec<u8>)] {
        &self.trailers
    }

    /// The body, as JSON.
    ///
    /// # Errors
    ///
    /// [`Error::Json`] if it is none, or none of this type.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|_| Error::Json)
    }
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The URL, the method or a header is none.
    Invalid,
    /// The task may not send the request, or not there; or its secret cannot be used now.
    Denied,
    /// The server's address is not one that requests may go to.
    Address,
    /// Nothing answers there, or not in time.
    Unreachable,
    /// The server is not who it should be.
    Certificate,
    /// The request is larger than the host takes.
    TooLarge,
    /// What came back is no answer, larger than the host takes, or in a coding that was not asked for.
    Protocol,
    /// The value is no JSON.
    Json,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Invalid => "the request's URL, method or headers are not valid",
            Self::Denied => "the task may not send the request, or its secret cannot be used now",
            Self::Address => "the server's address is not one that requests may go to",
            Self::Unreachable => "the server does not answer",
            Self::Certificate => "the server's certificate is not valid",
            Self::TooLarge => "the request is larger than the host takes",
            Self::Protocol => "what came back is no answer, or larger than the host takes",
            Self::Json => "the body is not the JSON that was expected",
        })
    }
}

impl std::error::Error for Error {}
