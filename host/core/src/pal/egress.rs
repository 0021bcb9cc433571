//! The ends of requests, as tokens of events and metrics.

use far_capability::tokens;
use serde::Serialize;

use super::EventKind;

tokens! {
    /// The state of sending a request.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
    #[serde(into = "&'static str")]
    #[non_exhaustive]
    pub enum SendState as_str {
        /// No part of the request was sent: there was no connection.
        No = "no",
        /// A part of the request may have been sent: there was a connection, but no response.
        Unknown = "unknown",
        /// The request was sent, and the server responded.
        Yes = "yes",
    }
}

impl From<SendState> for &'static str {
    fn from(sent: SendState) -> Self {
        sent.as_str()
    }
}

tokens! {
    /// The reason to deny a request, or for its failure.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    #[non_exhaustive]
    pub enum EgressReason token {
        /// The URL or the method is not in a normal form, so that no rule can be applied.
        Url = "url",
        /// The method is invalid.
        Method = "method",
        /// The task reached its limit on requests.
        Requests = "requests",
        /// The task reached its limit on concurrent requests.
        Concurrency = "at-once",
        /// The body exceeds the task's limit, or the skill did not finish it.
        RequestBody = "request-body",
        /// A credential has the form of a placeholder but refers to no secret: it was made up, or
        /// belongs to a task that ended.
        Placeholder = "placeholder",
        /// The request lacks a secret that its destination requires as the only credential.
        MissingSecret = "only-sealed",
        /// The task may not send requests to the destination.
        Destination = "destination",
        /// A secret in the request cannot be used now. Its `secret.used` event has the reason.
        Secret = "secret",
        /// A value is invalid at its placement, such as a header of two lines.
        InvalidValue = "unfit",
        /// The value is not a client certificate with its key.
        ClientCertificate = "client-certificate",
        /// The address is not public, and `far.toml` does not list it.
        Address = "address",
        /// Name resolution failed.
        Dns = "dns",
        /// The server refused the connection.
        ConnectionRefused = "refused",
        /// The connection failed.
        Connect = "connect",
        /// The connection timed out.
        ConnectTimeout = "connect-timeout",
        /// The server's certificate is not valid.
        Certificate = "certificate",
        /// TLS failed.
        Tls = "tls",
        /// The connection closed before the response.
        Connection = "connection",
        /// The response is not valid HTTP.
        Protocol = "protocol",
        /// The response has a content coding, which redaction cannot read.
        ContentCoding = "content-coding",
        /// The response has a transfer coding, which redaction cannot read.
        TransferCoding = "transfer-coding",
        /// The response body exceeds the task's limit.
        ResponseBody = "response-body",
        /// The connection closed within the response body.
        IncompleteBody = "incomplete",
        /// The host failed.
        Host = "host",
    }
}

impl EgressReason {
    /// Returns the kinds of events that have the reason.
    pub fn events(self) -> &'static [EventKind] {
        const DENIED: EventKind = EventKind::EgressDenied;
        const FINISHED: EventKind = EventKind::EgressFinished;
        match self {
            Self::Url
            | Self::Method
            | Self::Requests
            | Self::Concurrency
            | Self::RequestBody
            | Self::Placeholder
            | Self::MissingSecret
            | Self::Destination
            | Self::InvalidValue
            | Self::ClientCertificate => &[DENIED],
            Self::Secret | Self::Address | Self::Host => &[DENIED, FINISHED],
            Self::Dns
            | Self::ConnectionRefused
            | Self::Connect
            | Self::ConnectTimeout
            | Self::Certificate
            | Self::Tls
            | Self::Connection
            | Self::Protocol
            | Self::ContentCoding
            | Self::TransferCoding
            | Self::ResponseBody
            | Self::IncompleteBody => &[FINISHED],
        }
    }

    /// Returns the person or the system whose change removes the reason.
    pub fn caused_by(self) -> &'static str {
        match self {
            Self::Url | Self::Method | Self::Placeholder | Self::MissingSecret | Self::Concurrency => {
                "the skill or its author"
            }
            Self::Requests | Self::RequestBody | Self::ResponseBody => "the skill, or the limits of its task",
            Self::Destination => "the author, the scheduler or the operator",
            Self::Secret => "the backend, or the grant of the secret",
            Self::InvalidValue | Self::ClientCertificate => "the person who stored the secret",
            Self::Address => "the operator, who lists networks, or the owner of the DNS name",
            Self::Dns | Self::ConnectionRefused | Self::Connect | Self::ConnectTimeout => "the server or the network",
            Self::Certificate | Self::Tls | Self::Connection | Self::Protocol | Self::IncompleteBody => "the server",
            Self::ContentCoding | Self::TransferCoding => "the server, which ignores the headers of the host",
            Self::Host => "a bug in far",
        }
    }

    /// Returns the next step, in the words of the command line.
    pub fn next_step(self) -> &'static str {
        match self {
            Self::Url | Self::Method => "correct the URL or the method in the skill",
            Self::Requests => "raise 'requests' under [limits] in a task file",
            Self::Concurrency => "wait for responses in the skill before it sends more requests",
            Self::RequestBody => "raise 'request-body' under [limits] in a task file, or finish the body",
            Self::ResponseBody => "raise 'response-body' under [limits] in a task file",
            Self::Placeholder => "get a placeholder from 'sealed.token' in the task that sends the request",
            Self::MissingSecret => "seal the secret of the destination in the skill, and send no other credential",
            Self::Destination => {
                "grant the destination with --egress or in the task file, and list it under [egress] in far.toml"
            }
            Self::Secret => "find the 'secret.used' event of the request, and explain its reason",
            Self::InvalidValue => "store a value that is one line of text",
            Self::ClientCertificate => "store a PEM certificate with its key",
            Self::Address => "add the network of the server to 'networks' under [egress] in far.toml",
            Self::Dns => "check the host name, and the DNS of the machine",
            Self::ConnectionRefused | Self::Connect | Self::ConnectTimeout => {
                "check that the server is running, and that the machine can reach it"
            }
            Self::Certificate => "set 'ca-file' under [egress] in far.toml to the authority of the server",
            Self::Tls | Self::Protocol => "check that the port is the HTTPS port of the server",
            Self::Connection | Self::IncompleteBody => "retry the request if it is idempotent",
            Self::ContentCoding | Self::TransferCoding => "configure the server to send plain bodies to this client",
            Self::Host => "report the defect, with the event",
        }
    }
}
