//! `reveal`: copies a value into the guest's memory.

use std::sync::Arc;

use bytes::Bytes;
use far_core::broker::Handle;
use far_core::memory::SecretBytes;
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};

use super::convert;
use super::wit::secrets::Error;
use crate::context::{FarCtxView, FarView};

/// The name of the interface in components.
pub(crate) const REVEAL: &str = "tinkerbell:skill/reveal@0.1.0";

pub(super) fn add_to_linker<T: FarView + 'static>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    linker.instance(REVEAL)?.func_wrap_async(
        "reveal",
        |mut store: StoreContextMut<'_, T>, (secret,): (Resource<Handle>,)| {
            Box::new(async move { Ok((reveal(store.data_mut().far(), &secret).await?,)) })
        },
    )
}

#[expect(clippy::disallowed_methods, reason = "an interface of the host: the session checks and records the use")]
async fn reveal(far: FarCtxView<'_>, secret: &Resource<Handle>) -> wasmtime::Result<Result<Bytes, Error>> {
    far.ctx.spend_call()?;
    let handle = far.table.get(secret)?;
    let revealed = far.ctx.session.reveal(handle).await;
    // The engine copies from the secret's own memory to the guest's, and then drops the reference.
    convert(revealed.map(|value| Bytes::from_owner(RevealedBytes(value))))
}

struct RevealedBytes(Arc<SecretBytes>);

impl AsRef<[u8]> for RevealedBytes {
    fn as_ref(&self) -> &[u8] {
        self.0.expose()
    }
}
