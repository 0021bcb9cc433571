//! `signing`: signatures by the host.

use far_core::broker::{Handle, SecretError};
use wasmtime::component::Resource;

use super::answer;
use super::wit::secrets::Error;
use super::wit::signing::Host;
use crate::state::TaskState;

/// The longest message that is signed, in bytes; the WIT file says so.
const MESSAGE_MAX: usize = 1 << 20;

impl Host for TaskState {
    async fn hmac_sha256(
        &mut self,
        key: Resource<Handle>,
        message: Vec<u8>,
    ) -> wasmtime::Result<Result<Vec<u8>, Error>> {
        self.spend_call()?;
        if message.len() > MESSAGE_MAX {
            return Ok(Err(SecretError::TooLarge.into()));
        }
        let handle = self.table.get(&key)?;
        let signed = self.session.sign_hmac_sha256(handle, &message).await;
        answer(signed.map(|signature| signature.to_vec()))
    }
}
