//! The WIT world, as generated. Not part of the API: the typed modules around it are.
//!
//! The bindings are of the larger world, `skill-revealing`. What a skill does not call is dropped when it is linked, so
//! that a skill which never reveals, or sends nothing, has no such import.

wit_bindgen::generate!({
    path: "../wit",
    world: "skill-revealing",
    pub_export_macro: true,
    export_macro_name: "__export_run",
    default_bindings_module: "far_skill::bindings",
    generate_all,
});
