//! `sealed`: stand-ins for secrets in requests.

use far_core::broker::{Handle, StandIn};
use wasmtime::component::Resource;

use super::answer;
use super::wit::sealed::Host;
use super::wit::secrets::Error;
use crate::state::TaskState;

impl Host for TaskState {
    async fn token(&mut self, secret: Resource<Handle>) -> wasmtime::Result<Result<String, Error>> {
        self.spend_call()?;
        let sealed = self.session.seal(self.table.get(&secret)?).await;
        answer(sealed.map(|stand_in: StandIn| stand_in.as_str().to_owned()))
    }
}
