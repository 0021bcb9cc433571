//! The servers and the proxy, as tests use them.

mod fault;
mod git;
mod openbao;
mod postgres;
mod registry;
