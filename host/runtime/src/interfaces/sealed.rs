//! `sealed`: placeholders for secrets in requests.

use far_core::broker::{Handle, Placeholder};
use wasmtime::component::Resource;

use super::convert;
use super::wit::sealed::Host;
use super::wit::secrets::Error;
use crate::context::FarCtxView;

impl Host for FarCtxView<'_> {
    async fn token(&mut self, secret: Resource<Handle>) -> wasmtime::Result<Result<String, Error>> {
        self.ctx.spend_call()?;
        let sealed = self.ctx.session.seal(self.table.get(&secret)?).await;
        convert(sealed.map(|placeholder: Placeholder| placeholder.as_str().to_owned()))
    }
}
