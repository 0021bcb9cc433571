//! Tests of the servers and the proxy.

mod fault;
mod git;
mod openbao;
mod postgres;
mod registry;
