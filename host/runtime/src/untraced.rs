//! WASI functions with guest-supplied strings, linked without `tracing` events.
//!
//! The engine's own bindings emit a `tracing` event at the lowest level for each call, with its
//! strings. The name of a header or a host would appear unredacted in a trace. The same functions
//! are linked here without the event. The engine omits lists by itself, such as header values and
//! stream data. Functions of files have strings too, but a guest cannot call them without a
//! directory.

use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Lift, Linker, LinkerInstance, Lower, Resource};
use wasmtime_wasi::WasiView;
use wasmtime_wasi::p2::bindings::sockets::ip_name_lookup::{Host as _, Network, ResolveAddressStream};
use wasmtime_wasi::p2::bindings::sockets::network::ErrorCode;
use wasmtime_wasi::sockets::WasiSocketsView as _;
use wasmtime_wasi_http::p2::HeaderResult;
use wasmtime_wasi_http::p2::bindings::http::types::{
    Fields, HeaderError, HostFields as _, HostOutgoingRequest as _, Method, OutgoingRequest, Scheme,
};
use wasmtime_wasi_http::{WasiHttpCtxView, WasiHttpView};

/// The interfaces, with the engine's versions.
const TYPES: &str = "wasi:http/types@0.2.12";
const LOOKUP: &str = "wasi:sockets/ip-name-lookup@0.2.12";

/// Replaces functions of `wasi:http`.
pub(crate) fn add_http_to_linker<T: WasiHttpView + 'static>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let linked = linker.instance(TYPES).and_then(|mut types| fields(&mut types).and_then(|()| requests(&mut types)));
    linker.allow_shadowing(false);
    linked
}

/// Replaces the name lookup of `wasi:sockets`.
pub(crate) fn add_lookup_to_linker<T: WasiView + 'static>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let linked = linker.instance(LOOKUP).and_then(|mut lookup| {
        lookup.func_wrap(
            "resolve-addresses",
            |mut store: StoreContextMut<'_, T>, (network, name): (Resource<Network>, String)| {
                let resolved: Result<Resource<ResolveAddressStream>, ErrorCode> =
                    match store.data_mut().sockets().resolve_addresses(network, name) {
                        Ok(stream) => Ok(stream),
                        Err(error) => Err(error.downcast()?),
                    };
                Ok((resolved,))
            },
        )
    });
    linker.allow_shadowing(false);
    linked
}

fn fields<T: WasiHttpView + 'static>(types: &mut LinkerInstance<'_, T>) -> wasmtime::Result<()> {
    type Name = (Resource<Fields>, String);
    method(types, "fields.get", |http, (fields, name): Name| http.get(fields, name))?;
    method(types, "fields.has", |http, (fields, name): Name| http.has(fields, name))?;
    method(types, "fields.delete", |http, (fields, name): Name| convert(http.delete(fields, name)))?;
    method(types, "fields.set", |http, (fields, name, values): (Resource<Fields>, String, Vec<Vec<u8>>)| {
        convert(http.set(fields, name, values))
    })?;
    method(types, "fields.append", |http, (fields, name, value): (Resource<Fields>, String, Vec<u8>)| {
        convert(http.append(fields, name, value))
    })
}

/// Replaces functions of requests. Those that set a string are linked in `egress`, with limits.
fn requests<T: WasiHttpView + 'static>(types: &mut LinkerInstance<'_, T>) -> wasmtime::Result<()> {
    type Request = (Resource<OutgoingRequest>,);
    method(types, "outgoing-request.method", |http, (request,): Request| -> wasmtime::Result<Method> {
        http.method(request)
    })?;
    method(types, "outgoing-request.authority", |http, (request,): Request| http.authority(request))?;
    method(types, "outgoing-request.path-with-query", |http, (request,): Request| http.path_with_query(request))?;
    method(types, "outgoing-request.scheme", |http, (request,): Request| http.scheme(request))?;
    method(
        types,
        "outgoing-request.set-scheme",
        |http, (request, scheme): (Resource<OutgoingRequest>, Option<Scheme>)| http.set_scheme(request, scheme),
    )
}

fn method<T, P, R>(
    types: &mut LinkerInstance<'_, T>,
    name: &str,
    call: fn(&mut WasiHttpCtxView<'_>, P) -> wasmtime::Result<R>,
) -> wasmtime::Result<()>
where
    T: WasiHttpView + 'static,
    P: wasmtime::component::ComponentNamedList + Lift + 'static,
    R: ComponentType + Lower + 'static,
{
    types.func_wrap(&format!("[method]{name}"), move |mut store: StoreContextMut<'_, T>, params: P| {
        Ok((call(&mut store.data_mut().http(), params)?,))
    })
}

/// Returns a header error to the guest, and traps on any other error.
fn convert<T>(result: HeaderResult<T>) -> wasmtime::Result<Result<T, HeaderError>> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(error) => Ok(Err(error.downcast()?)),
    }
}
