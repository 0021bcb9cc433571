//! `secrets`: handles of secrets.

use far_core::broker::{AccessError, Handle, ListedSecret};
use far_core::capability::Operation;
use wasmtime::component::Resource;

use super::wit::secrets::{self, Error, Host, HostSecret, Info};
use super::{convert, nanoseconds};
use crate::context::FarCtxView;

impl FarCtxView<'_> {
    pub(super) fn push_result(
        &mut self,
        accessed: Result<Handle, AccessError>,
    ) -> wasmtime::Result<Result<Resource<Handle>, Error>> {
        match convert(accessed)? {
            Ok(handle) => Ok(Ok(self.ctx.push_handle(self.table, handle)?)),
            Err(error) => Ok(Err(error)),
        }
    }
}

impl Host for FarCtxView<'_> {
    async fn get(&mut self, name: String) -> wasmtime::Result<Result<Resource<Handle>, Error>> {
        self.ctx.spend_call()?;
        self.ctx.check_handles()?;
        let accessed = self.ctx.session.get(&name, None).await;
        self.push_result(accessed)
    }

    async fn get_version(
        &mut self,
        name: String,
        version: String,
    ) -> wasmtime::Result<Result<Resource<Handle>, Error>> {
        self.ctx.spend_call()?;
        self.ctx.check_handles()?;
        let accessed = self.ctx.session.get(&name, Some(&version)).await;
        self.push_result(accessed)
    }

    async fn list(&mut self) -> wasmtime::Result<Vec<Info>> {
        self.ctx.spend_call()?;
        match self.ctx.session.list().await {
            Ok(listed) => Ok(listed.into_iter().map(Info::from).collect()),
            Err(error) => Err(wasmtime::Error::new(error)),
        }
    }

    async fn refresh(&mut self, name: String) -> wasmtime::Result<Result<Resource<Handle>, Error>> {
        self.ctx.spend_call()?;
        self.ctx.check_handles()?;
        let accessed = self.ctx.session.refresh(&name).await;
        self.push_result(accessed)
    }
}

impl HostSecret for FarCtxView<'_> {
    async fn name(&mut self, secret: Resource<Handle>) -> wasmtime::Result<String> {
        self.ctx.spend_call()?;
        Ok(self.table.get(&secret)?.name().to_string())
    }

    async fn version(&mut self, secret: Resource<Handle>) -> wasmtime::Result<String> {
        self.ctx.spend_call()?;
        Ok(self.table.get(&secret)?.version().to_string())
    }

    async fn expires_in(&mut self, secret: Resource<Handle>) -> wasmtime::Result<Option<u64>> {
        self.ctx.spend_call()?;
        Ok(Some(nanoseconds(self.table.get(&secret)?.expires_in())))
    }

    async fn drop(&mut self, secret: Resource<Handle>) -> wasmtime::Result<()> {
        self.ctx.drop_handle(self.table, secret)
    }
}

impl From<ListedSecret> for Info {
    fn from(listed: ListedSecret) -> Self {
        Self {
            name: listed.name.to_string(),
            operations: listed.operations.iter().map(operation).collect(),
            expires_in: listed.expires_in.map(nanoseconds),
        }
    }
}

fn operation(operation: Operation) -> secrets::Operation {
    match operation {
        Operation::Seal => secrets::Operation::Seal,
        Operation::Sign => secrets::Operation::Sign,
        Operation::Reveal => secrets::Operation::Reveal,
        Operation::Refresh => secrets::Operation::Refresh,
    }
}
