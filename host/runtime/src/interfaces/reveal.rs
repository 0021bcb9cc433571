//! `reveal`: the bytes, into the guest's own memory.

use std::sync::Arc;

use bytes::Bytes;
use far_core::broker::Handle;
use far_core::memory::SecretBytes;
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};

use super::answer;
use super::wit::secrets::Error;
use crate::state::TaskState;

/// The interface's name in components.
pub(crate) const REVEAL: &str = "tinkerbell:skill/reveal@0.1.0";

pub(super) fn add_to_linker(linker: &mut Linker<TaskState>) -> wasmtime::Result<()> {
    linker.instance(REVEAL)?.func_wrap_async(
        "reveal",
        |mut store: StoreContextMut<'_, TaskState>, (secret,): (Resource<Handle>,)| {
            Box::new(async move { Ok((reveal(store.data_mut(), &secret).await?,)) })
        },
    )
}

#[expect(clippy::disallowed_methods, reason = "an interface of the host: the session checks and records the use")]
async fn reveal(state: &mut TaskState, secret: &Resource<Handle>) -> wasmtime::Result<Result<Bytes, Error>> {
    state.spend_call()?;
    let handle = state.table.get(secret)?;
    let revealed = state.session.reveal(handle).await;
    // The engine copies from the secret's own memory to the guest's, and then drops its hold on it.
    answer(revealed.map(|value| Bytes::from_owner(Revealed(value))))
}

struct Revealed(Arc<SecretBytes>);

impl AsRef<[u8]> for Revealed {
    fn as_ref(&self) -> &[u8] {
        self.0.expose()
    }
}
