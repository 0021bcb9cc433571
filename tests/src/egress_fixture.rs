//! A loopback server and a host whose tasks may send a secret to it.

use std::num::NonZeroU32;

use far_component::embed;
use far_core::capability::{Destination, Grant, Placement, Terms};
use far_runtime::{Egress, End, Report, Task};
use serde_json::{Value, json};

use crate::guests;
use crate::host::{Parts, TestHost};
use crate::server::{Answer, Authority, Server};

/// A server and a host that may send `alpha` to it.
pub struct EgressFixture {
    /// The server.
    pub server: Server,
    /// The host.
    pub host: TestHost,
    /// The destination of `alpha`.
    destination: String,
    /// The placements of `alpha`.
    placements: Vec<Placement>,
}

impl EgressFixture {
    /// Starts the server and the host.
    pub async fn new(answer: Answer) -> Self {
        let authority = Authority::new();
        let server = Server::start(&authority, "localhost", answer).await;
        let origin = server.origin();
        Self::of(server, &origin, Egress::new().with_authorities(authority.pem().as_bytes()).unwrap(), true)
    }

    /// Creates a fixture with this server, destination and egress.
    pub fn of(server: Server, destination: &str, egress: Egress, loopback: bool) -> Self {
        Self::with(server, destination, egress, loopback, Parts::default())
    }

    /// Creates a fixture with this server, destination, egress and other parts of the host.
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

    /// Sets the placements, among those that the operator permits: the `authorization` header, the
    /// header `x-api-key`, the parameter `key` and the client certificate.
    #[must_use]
    pub fn placing(self, placements: &[&str]) -> Self {
        Self { placements: placements.iter().map(|text| text.parse().unwrap()).collect(), ..self }
    }

    /// Creates a task that may send `alpha` to the destination and other requests below `/open`.
    pub async fn task(&self, input: &Value) -> Task {
        self.task_with_uses(input, None).await
    }

    /// Creates such a task with a limit on the uses of `alpha`.
    pub async fn task_with_uses(&self, input: &Value, uses: Option<NonZeroU32>) -> Task {
        self.task_by(guests::SENDER, input, uses).await
    }

    /// Creates such a task for another component.
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

    /// Runs a skill that holds `alpha` and sends these requests in order.
    pub async fn send(&self, requests: Value) -> Report {
        let input = json!({ "secrets": ["alpha"], "requests": requests });
        let report = self.host.runtime.run(self.task(&input).await).await;
        self.host.assert_no_value(&report);
        report
    }

    /// Returns `https://localhost:PORT/PATH`.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server.origin())
    }
}

/// Returns the answers that the skill received, or none if the task did not complete.
pub fn answers(report: &Report) -> Vec<Value> {
    let End::Completed(output) = &report.end else { return Vec::new() };
    let output: Value = serde_json::from_slice(output).unwrap();
    output["answers"].as_array().unwrap().clone()
}
