//! Asks an internal deployment tool which version of a service runs.
//!
//! The tool requires a client certificate. The host presents it for this request only; the skill
//! has neither the certificate nor its key.

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
        return Err(format!("{:?} is not a valid service name", input.service).into());
    }
    let identity = secrets::get("deploy-client")?;
    let url = format!("https://deploy.internal.example/services/{}", input.service);
    let response = Request::get(url).client_certificate(&identity)?.send()?;
    match response.status() {
        200 => Ok(response.json()?),
        404 => Err(format!("the service {:?} does not exist", input.service).into()),
        status => Err(format!("the tool returned status {status}").into()),
    }
}

#[cfg(test)]
mod tests {
    use far_skill::http::Response;
    use far_skill::testing::{Host, RunError, Use};

    use super::*;

    fn host(response: Response) -> Host {
        Host::new(far_skill::declaration!())
            .secret("deploy-client", "-----BEGIN CERTIFICATE-----")
            .respond_with(Ok(response))
    }

    fn input(service: &str) -> Input {
        Input { service: service.to_owned() }
    }

    #[test]
    fn request_carries_client_certificate() {
        let host = host(Response::new(200, r#"{ "version": "1.2.3", "healthy": true }"#));
        let seen = Output { version: "1.2.3".to_owned(), healthy: true };
        assert_eq!(host.run(ask, input("web")), Ok(seen));
        assert!(host.uses().contains(&Use::send("deploy-client")));
        let header = ("far-client-certificate".to_owned(), "[sealed:deploy-client]".to_owned());
        assert_eq!(host.sent()[0].headers, [header]);
    }

    #[test]
    fn unknown_service_is_error() {
        let result = |service, response| host(response).run(ask, input(service));
        let unknown = Err(RunError::Failure("the service \"db\" does not exist".to_owned()));
        assert_eq!(result("db", Response::new(404, "")), unknown);
        assert!(matches!(result("../admin", Response::new(200, "")), Err(RunError::Failure(_))));
    }
}
