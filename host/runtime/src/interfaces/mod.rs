//! The host's side of the WIT package `tinkerbell:skill`: a file for each interface.
//!
//! Each function spends one of the task's host calls, asks the task's session, and turns the answer into what WIT says:
//! a typed error goes to the guest, whatever ends the task becomes a trap. Nothing is decided here.

mod reveal;
mod sealed;
mod secrets;
mod signing;
mod task;

use far_core::broker::{AccessError, SecretError};
use wasmtime::component::{HasData, Linker};

use crate::context::{FarCtxView, FarView};

/// What `bindgen!` makes of the WIT package, but for `reveal`: its one function is linked by hand, since only so can a
/// value go to the guest's memory without a copy on the way.
mod bindings {
    #![allow(missing_docs, unreachable_pub, clippy::all, reason = "generated")]

    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "skill",
        imports: { default: async | trappable },
        exports: { default: async },
        with: {
            "tinkerbell:skill/secrets.secret": far_core::broker::Handle,
            // Linked where the rest of WASI is: see `egress` and `wasi`.
            "wasi:clocks": wasmtime_wasi::p2::bindings::clocks,
            "wasi:http": wasmtime_wasi_http::p2::bindings::http,
            "wasi:io": wasmtime_wasi::p2::bindings::io,
        },
    });
}

pub(crate) use bindings::SkillPre as BindingsPre;
pub(crate) use reveal::REVEAL;

/// The beginning of the names of all interfaces of the package.
pub(crate) const PACKAGE: &str = "tinkerbell:skill/";

use bindings::tinkerbell::skill as wit;

/// The data that the host functions of the package work on.
struct HasFar;

impl HasData for HasFar {
    type Data<'a> = FarCtxView<'a>;
}

/// Links every interface of the package.
pub(crate) fn add_to_linker<T: FarView + 'static>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    wit::sealed::add_to_linker::<_, HasFar>(linker, T::far)?;
    wit::secrets::add_to_linker::<_, HasFar>(linker, T::far)?;
    wit::signing::add_to_linker::<_, HasFar>(linker, T::far)?;
    wit::task::add_to_linker::<_, HasFar>(linker, T::far)?;
    reveal::add_to_linker(linker)
}

/// What the guest gets of an access: a value or a typed error; anything that ends the task is a trap.
fn answer<T>(accessed: Result<T, AccessError>) -> wasmtime::Result<Result<T, wit::secrets::Error>> {
    match accessed {
        Ok(value) => Ok(Ok(value)),
        Err(AccessError::Secret(error)) => Ok(Err(error.into())),
        Err(AccessError::Stopped(stop)) => Err(wasmtime::Error::new(stop)),
    }
}

impl From<SecretError> for wit::secrets::Error {
    fn from(error: SecretError) -> Self {
        match error {
            SecretError::NotFound => Self::NotFound,
            SecretError::VersionGone => Self::VersionGone,
            SecretError::Expired => Self::Expired,
            SecretError::Revoked => Self::Revoked,
            SecretError::Exhausted => Self::Exhausted,
            SecretError::TooLarge => Self::TooLarge,
            SecretError::Unavailable { retry_after } => Self::Unavailable(retry_after.map(nanoseconds)),
            _ => Self::Unavailable(None),
        }
    }
}

/// A WIT duration: nanoseconds; 584 years stand for all that is longer.
fn nanoseconds(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
