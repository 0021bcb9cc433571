//! Host functions of the WIT package `tinkerbell:skill`, one file per interface.
//!
//! Each function consumes one of the task's host calls, calls the task's session, and converts the
//! result. A typed error is returned to the guest; an error that ends the task becomes a trap. The
//! session makes all decisions.

mod reveal;
mod sealed;
mod secrets;
mod signing;
mod task;

use far_core::broker::{AccessError, SecretError};
use wasmtime::component::{HasData, Linker};

use crate::context::{FarCtxView, FarView};

/// The bindings of the WIT package, except for `reveal`. Its function is linked by hand, which
/// copies a value directly into the guest's memory.
mod bindings {
    #![allow(missing_docs, unreachable_pub, clippy::all, reason = "generated")]

    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "skill",
        imports: { default: async | trappable },
        exports: { default: async },
        with: {
            "tinkerbell:skill/secrets.secret": far_core::broker::Handle,
            // Linked with the rest of WASI: see `egress` and `wasi`.
            "wasi:clocks": wasmtime_wasi::p2::bindings::clocks,
            "wasi:http": wasmtime_wasi_http::p2::bindings::http,
            "wasi:io": wasmtime_wasi::p2::bindings::io,
        },
    });
}

pub(crate) use bindings::SkillPre as BindingsPre;
pub(crate) use reveal::REVEAL;

/// The common prefix of the interfaces of the package.
pub(crate) const PACKAGE: &str = "tinkerbell:skill/";

use bindings::tinkerbell::skill as wit;

/// The host data of the package's functions.
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

/// Converts the result of an access: returns a value or a typed error to the guest, and traps if
/// the task must end.
fn convert<T>(accessed: Result<T, AccessError>) -> wasmtime::Result<Result<T, wit::secrets::Error>> {
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

/// Converts a duration to nanoseconds, the unit of WIT. Saturates at 584 years.
fn nanoseconds(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
