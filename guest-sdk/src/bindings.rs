//! Generated bindings of the WIT world. Not a public API: the typed modules wrap them.
//!
//! The bindings cover the larger world, `skill-revealing`. The linker drops unused imports, so a
//! skill that never calls `reveal` or never sends a request does not import those interfaces.

wit_bindgen::generate!({
    path: "../wit",
    world: "skill-revealing",
    pub_export_macro: true,
    export_macro_name: "__export_run",
    default_bindings_module: "far_skill::bindings",
    generate_all,
});
