//! `signing`: signatures by the host.

use far_core::broker::Handle;
use wasmtime::component::Resource;

use super::convert;
use super::wit::secrets::Error;
use super::wit::signing::Host;
use crate::context::FarCtxView;

impl Host for FarCtxView<'_> {
    #[expect(clippy::disallowed_methods, reason = "an interface of the host: the session checks and records the use")]
    async fn hmac_sha256(
        &mut self,
        key: Resource<Handle>,
        message: Vec<u8>,
    ) -> wasmtime::Result<Result<Vec<u8>, Error>> {
        self.ctx.spend_call()?;
        let handle = self.table.get(&key)?;
        let signed = self.ctx.session.sign_hmac_sha256(handle, &message).await;
        convert(signed.map(|signature| signature.to_vec()))
    }

    #[expect(clippy::disallowed_methods, reason = "an interface of the host: the session checks and records the use")]
    async fn sign_jwt(
        &mut self,
        key: Resource<Handle>,
        claims: String,
    ) -> wasmtime::Result<Result<Resource<Handle>, Error>> {
        self.ctx.spend_call()?;
        self.ctx.check_handles()?;
        let signed = self.ctx.session.sign_jwt(self.table.get(&key)?, &claims).await;
        self.push_result(signed)
    }
}
