//! Sends a request with a trailer, in which what stands for a secret is, or not: by the bindings alone, since the SDK sends none.

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
    /// Whether the secret is in the trailer, and not where it may be.
    trailing: bool,
}

struct Trailer;

impl Guest for Trailer {
    fn run(input: Vec<u8>) -> Result<Vec<u8>, String> {
        let input: Input = serde_json::from_slice(&input).map_err(|error| error.to_string())?;
        send(&input).ok_or_else(|| "it was not sent".to_owned())
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
    let answer = pending.get()?.ok()?.ok()?;
    Some(answer.status().to_string().into_bytes())
}

export!(Trailer);
