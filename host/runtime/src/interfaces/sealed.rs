//! `sealed`: stand-ins for secrets in requests.

use far_core::broker::{Handle, StandIn};
use wasmtime::component::Resource;

use super::answer;
use super::wit::sealed::Host;
use super::wit::secrets::Error;
use crate::context::FarCtxView;

impl Host for FarCtxView<'_> {
    async fn token(&mut self, secret: Resource<Handle>) -> wasmtime::Result<Result<String, Error>> {
        self.ctx.spend_call()?;
        let sealed = self.ctx.session.seal(self.table.get(&secret)?).await;
        answer(sealed.map(|stand_in: StandIn| stand_in.as_str().to_owned()))
    }
}
