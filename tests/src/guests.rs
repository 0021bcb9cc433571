//! The built components, as paths.

include!(concat!(env!("OUT_DIR"), "/guests.rs"));
