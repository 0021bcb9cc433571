//! Asks a tool of the company's own which version of a service runs.
//!
//! The tool answers to clients with a certificate. The host shows it as it connects, for this request alone; the skill has neither
//! the certificate nor its key.

#![forbid(unsafe_code)]

use far_skill::http::Request;
use far_skill::{Schema, secrets};
use serde::{Deserialize, Serialize};

#[derive(Deserialize, Schema)]
#[serde(deny_unknown_fields)]
struct Input {
    /// The service's name: letters, digits and `-`.
    service: String,
}

#[derive(Debug, PartialEq, Eq, Deserialize, Serialize)]
struct Output {
    version: String,
    healthy: bool,
}

#[far_skill::skill]
fn ask(input: Input) -> Result<Output, far_skill::Error> {
    let is_name = |character: char| character.is_ascii_alphanumeric() || character == '-';
    if input.service.is_empty() || !input.service.chars().all(is_name) {
        return Err(format!("{:?} is no service's name", input.service).into());
    }
    let identity = secrets::get("deploy-client")?;
    let url = format!("https://deploy.internal.example/services/{}", input.service);
    let response = Request::get(url).client_certificate(&identity)?.send()?;
    match response.status() {
        200 => Ok(response.json()?),
        404 => Err(format!("there is no service {:?}", input.service).into()),
        status => Err(format!("the tool answered with status {status}").into()),
    }
}

#[cfg(test)]
mod tests {
    use far_skill::http::Response;
    use far_skill::testing::{Ended, Host, Use};

    use super::*;

    fn host(answer: Response) -> Host {
        Host::new(far_skill::declaration!())
            .secret("deploy-client", "-----BEGIN CERTIFICATE-----")
            .answering(Ok(answer))
    }

    fn input(service: &str) -> Input {
        Input { service: service.to_owned() }
    }

    #[test]
    fn the_tool_is_asked_with_the_certificate() {
        let host = host(Response::new(200, r#"{ "version": "1.2.3", "healthy": true }"#));
        let seen = Output { version: "1.2.3".to_owned(), healthy: true };
        assert_eq!(host.run(ask, input("web")), Ok(seen));
        assert!(host.uses().contains(&Use::sent("deploy-client")));
        let header = ("far-client-certificate".to_owned(), "[sealed:deploy-client]".to_owned());
        assert_eq!(host.sent()[0].headers, [header]);
    }

    #[test]
    fn a_service_that_is_none_is_told() {
        let told = |service, answer| host(answer).run(ask, input(service));
        let none = Err(Ended::Failed("there is no service \"db\"".to_owned()));
        assert_eq!(told("db", Response::new(404, "")), none);
        assert!(matches!(told("../admin", Response::new(200, "")), Err(Ended::Failed(_))));
    }
}
