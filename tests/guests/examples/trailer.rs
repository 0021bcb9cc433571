//! Sends a request with a trailer, which may contain a placeholder. Uses the bindings, because the
//! SDK sends no trailers.

#![allow(unsafe_code, reason = "the bindings are generated")]

use serde::Deserialize;

use crate::tinkerbell::skill::{sealed, secrets};
use crate::wasi::http::outgoing_handler::handle;
use crate::wasi::http::types::{Fields, OutgoingBody, OutgoingRequest, Scheme};

wit_bindgen::generate!({ path: "../../wit", world: "skill", generate_all });

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    authority: String,
    path: String,
    /// Puts the placeholder into the trailer, in place of the `authorization` header.
    trailing: bool,
}

struct Trailer;

impl Guest for Trailer {
    fn run(input: Vec<u8>) -> Result<Vec<u8>, String> {
        let input: Input = serde_json::from_slice(&input).map_err(|error| error.to_string())?;
        send(&input).ok_or_else(|| "the request was not sent".to_owned())
    }
}

fn send(input: &Input) -> Option<Vec<u8>> {
    let token = sealed::token(&secrets::get("alpha").ok()?).ok()?;
    let field = |name: &str, value: &str| {
        let fields = Fields::new();
        fields.append(name, value.as_bytes()).ok()?;
        Some(fields)
    };
    let (headers, trailers) = if input.trailing {
        (Fields::new(), field("x-token", &token)?)
    } else {
        (field("authorization", &format!("Bearer {token}"))?, field("x-token", "text")?)
    };
    let request = OutgoingRequest::new(headers);
    request.set_scheme(Some(&Scheme::Https)).ok()?;
    request.set_authority(Some(&input.authority)).ok()?;
    request.set_path_with_query(Some(&input.path)).ok()?;
    let body = request.body().ok()?;
    let pending = handle(request, None).ok()?;
    drop(body.write().ok()?);
    OutgoingBody::finish(body, Some(trailers)).ok()?;
    pending.subscribe().block();
    let response = pending.get()?.ok()?.ok()?;
    Some(response.status().to_string().into_bytes())
}

export!(Trailer);
