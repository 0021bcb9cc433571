//! A server on loopback, and a host whose tasks may send a secret to it.

use std::num::NonZeroU32;

use far_component::embed;
use far_core::capability::{Destination, Grant, Placement, Terms};
use far_runtime::{Egress, End, Report, Task};
use serde_json::{Value, json};

use crate::guests;
use crate::host::{Parts, TestHost};
use crate::server::{Answer, Authority, Server};

/// A server, and a host that may send alpha to it.
pub struct Place {
    /// The server.
    pub server: Server,
    /// The host.
    pub host: TestHost,
    /// Where alpha may be sent.
    destination: String,
    /// What it may stand in.
    placements: Vec<Placement>,
}

impl Place {
    /// The two, on loopback.
    pub async fn new(answer: Answer) -> Self {
        let authority = Authority::new();
        let server = Server::start(&authority, "localhost", answer).await;
        let origin = server.origin();
        Self::of(server, &origin, Egress::new().with_authorities(authority.pem().as_bytes()).unwrap(), true)
    }

    /// The same with a destination and a way out of the test's own.
    pub fn of(server: Server, destination: &str, egress: Egress, loopback: bool) -> Self {
        Self::with(server, destination, egress, loopback, Parts::default())
    }

    /// The same with a host of which the rest is different.
    pub fn with(server: Server, destination: &str, egress: Egress, loopback: bool, parts: Parts) -> Self {
        let to: Destination = destination.parse().unwrap();
        let terms = Terms::new(["seal".parse().unwrap()].into_iter().collect(), vec![to]).unwrap();
        let placements =
            ["authorization", "header:x-api-key", "query:key", "client-certificate"].map(|text| text.parse().unwrap());
        let terms = terms.with_placements(placements.to_vec()).unwrap();
        let open = format!("https://localhost:{}/open", server.port()).parse().unwrap();
        let egress = egress.with_destination(open);
        let egress = if loopback { egress.with_network("127.0.0.0/8".parse().unwrap()) } else { egress };
        let host = TestHost::of(Parts {
            entry: Box::new(move |entry| {
                entry.terms = terms.clone();
                (parts.entry)(entry);
            }),
            egress,
            ..parts
        });
        Self { server, host, destination: destination.to_owned(), placements: vec![Placement::Authorization] }
    }

    /// The same with these parts of a request, of those that the operator permits: the `authorization` header, the header
    /// `x-api-key`, the parameter `key` and the client certificate.
    #[must_use]
    pub fn placing(self, placements: &[&str]) -> Self {
        Self { placements: placements.iter().map(|text| text.parse().unwrap()).collect(), ..self }
    }

    /// A task that may send alpha to the destination, and others below `/open`.
    pub async fn task(&self, input: &Value) -> Task {
        self.task_with_uses(input, None).await
    }

    /// The same, with a limit on how often alpha is sent.
    pub async fn task_with_uses(&self, input: &Value, uses: Option<NonZeroU32>) -> Task {
        self.task_by(guests::SENDER, input, uses).await
    }

    /// The same by another component.
    pub async fn task_by(&self, guest: &str, input: &Value, uses: Option<NonZeroU32>) -> Task {
        let declaration = json!({
            "name": "sender", "version": "1", "description": "",
            "secrets": [{
                "name": "alpha", "operations": ["seal"], "destinations": [self.destination],
                "placements": self.placements, "reason": "r",
            }],
        });
        let component = std::fs::read(guest).unwrap();
        let component = embed(&component, declaration.to_string().as_bytes(), false).unwrap().component;
        let skill = self.host.runtime.load(component).await.unwrap();
        let seal = ["seal".parse().unwrap()].into_iter().collect();
        let terms = Terms::new(seal, vec![self.destination.parse().unwrap()]).unwrap();
        let terms = terms.with_placements(self.placements.clone()).unwrap();
        let grant = Grant::new("alpha".parse().unwrap(), terms);
        let grant = match uses {
            Some(uses) => grant.with_max_uses(uses),
            None => grant,
        };
        let open = format!("https://localhost:{}/open", self.server.port()).parse().unwrap();
        Task::new(&skill).with_grant(grant).with_egress(open).with_input(input.to_string())
    }

    /// Sends requests, each after the other, by a skill that holds alpha.
    pub async fn send(&self, requests: Value) -> Report {
        let input = json!({ "secrets": ["alpha"], "requests": requests });
        let report = self.host.runtime.run(self.task(&input).await).await;
        self.host.assert_no_value(&report);
        report
    }

    /// `https://localhost:PORT/PATH`.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server.origin())
    }
}

/// What the skill had for answers; nothing if the task did not complete.
pub fn answers(report: &Report) -> Vec<Value> {
    let End::Completed(output) = &report.end else { return Vec::new() };
    let output: Value = serde_json::from_slice(output).unwrap();
    output["answers"].as_array().unwrap().clone()
}
