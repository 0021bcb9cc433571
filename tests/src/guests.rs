//! Paths of the built components.

include!(concat!(env!("OUT_DIR"), "/guests.rs"));
