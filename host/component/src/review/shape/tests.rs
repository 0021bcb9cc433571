use super::*;

fn shape(text: &str) -> Shape {
    Shape::read(&wat::parse_str(text).unwrap()).unwrap()
}

fn violation(text: &str) -> &'static str {
    shape(text).within_limits().map_or_else(|violation| violation.what, |_| "none")
}

/// Returns components that each instantiate the previous one `width` times.
fn doubling(levels: usize, width: usize) -> String {
    let mut text = "(component (component $c0)".to_owned();
    for level in 1..=levels {
        let before = level - 1;
        let inner = format!("(instance (instantiate $o{level}))").repeat(width);
        text.push_str(&format!("(component $c{level} (alias outer 1 $c{before} (component $o{level})) {inner})"));
    }
    text.push_str(&format!("(instance (instantiate $c{levels})))"));
    text
}

#[test]
fn empty_component_has_one_instance() {
    let shape = shape("(component)");
    assert_eq!(shape, Shape { component_instances: 1, ..Shape::default() });
}

#[test]
fn instantiations_are_expanded() {
    let shape = shape(&doubling(3, 2));
    // The outermost, and 1 + 2 + 4 + 8.
    assert_eq!(shape.component_instances, 16);
    assert!(shape.within_limits().is_ok());
}

#[test]
fn exponential_instances_are_refused() {
    for (levels, width) in [(30, 2), (90, 2), (4, 100), (2, 900)] {
        assert_eq!(violation(&doubling(levels, width)), "component instances", "{levels} × {width}");
    }
}

#[test]
fn component_arguments_are_followed() {
    // The argument is an empty component, or one with eight instances.
    let with = |argument: &str| {
        let eight = "(instance (instantiate $m))".repeat(8);
        let nested = "(component $m) ".to_owned() + &eight;
        shape(&format!(
            "(component
                (component $none)
                (component $eight {nested})
                (component $apply (import \"c\" (component $c)) (instance (instantiate $c)) (instance (instantiate $c)))
                (instance (instantiate $apply (with \"c\" (component ${argument})))))"
        ))
        .component_instances
    };
    assert_eq!(with("none"), 2 + 2);
    assert_eq!(with("eight"), 2 + 2 + 16);
}

#[test]
fn exported_component_is_followed() {
    let shape = shape(
        "(component
            (component $give
                (component $two (component $e) (instance (instantiate $e)) (instance (instantiate $e)))
                (export \"two\" (component $two)))
            (instance $i (instantiate $give))
            (alias export $i \"two\" (component $two))
            (instance (instantiate $two)))",
    );
    assert_eq!(shape.component_instances, 1 + 1 + 1 + 2);
}

#[test]
fn core_instances_count_their_memories_and_tables() {
    let nested = "(component $c (core module $m (memory 0) (table 0 funcref) (table 0 funcref)) \
                  (core instance (instantiate $m)) (core instance (instantiate $m)))";
    let shape = shape(&format!("(component {nested} (instance (instantiate $c)) (instance (instantiate $c)))"));
    assert_eq!((shape.core_instances, shape.memories, shape.tables), (4, 4, 8));
}

#[test]
fn imported_memory_is_not_counted() {
    let shape = shape(
        "(component (core module $m (memory (export \"m\") 0)) (core module $n (import \"m\" \"m\" (memory 0)))
            (core instance $i (instantiate $m)) (core instance (instantiate $n (with \"m\" (instance $i)))))",
    );
    assert_eq!((shape.core_instances, shape.memories), (2, 1));
}

#[test]
fn outer_module_is_followed() {
    let shape = shape(
        "(component (core module $m (memory 0))
            (component $c (component $d (core instance (instantiate $m)) (core instance (instantiate $m)))
                (instance (instantiate $d)) (instance (instantiate $d)))
            (instance (instantiate $c)))",
    );
    assert_eq!((shape.core_instances, shape.memories), (4, 4));
}

#[test]
fn nested_export_instances_are_weighed() {
    let mut text = "(component (component $c) (instance $i0 (export \"c\" (component $c)))".to_owned();
    for level in 1..40 {
        let before = level - 1;
        text.push_str(&format!(
            "(instance $i{level} (export \"a\" (instance $i{before})) (export \"b\" (instance $i{before})))"
        ));
    }
    text.push(')');
    assert_eq!(violation(&text), "instantiation steps");
}

#[test]
fn captured_components_are_weighed() {
    // Nothing is instantiated: each component only aliases the previous one, twice.
    let mut text = "(component (component $c0)".to_owned();
    for level in 1..40 {
        let before = level - 1;
        let alias = format!("(alias outer 1 $c{before} (component))").repeat(2);
        text.push_str(&format!("(component $c{level} {alias})"));
    }
    text.push(')');
    assert_eq!(violation(&text), "instantiation steps");
}

#[test]
fn functions_are_measured() {
    let locals = "(local i64 i64 i32)";
    let shape = shape(&format!(
        "(component (core module
            (func {locals} block br 0 end i32.const 0 if else end)
            (func (local i32) i32.const 0 br_table 0 0 0 0)
            (func)))"
    ));
    // First function: block 1, br 1, if 2, else 1. Second: four targets and the default.
    assert_eq!((shape.functions, shape.locals, shape.branches, shape.loop_values), (3, 3, 5, 0));
    assert!(shape.code > shape.largest_function && shape.largest_function > 10);
}

#[test]
fn loops_multiply_locals_and_parameters() {
    let nested = "loop block loop end end end loop end";
    let shape = shape(&format!("(component (core module (func (param i32 i32) (local i64) {nested})))"));
    assert_eq!((shape.locals, shape.loop_values), (3, 6));
    let many = format!("(local {})", "i32 ".repeat(150));
    let function = |loops: usize| format!("{many} {} {}", "loop ".repeat(loops), "end ".repeat(loops));
    for (loops, expected) in [(200, "none"), (300, "values carried around loops of one function")] {
        assert_eq!(violation(&format!("(component (core module (func {})))", function(loops))), expected);
    }
}

#[test]
fn locals_saturate() {
    let module = "(module (func (local i32)))";
    let module = wat::parse_str(module).unwrap();
    // The offset of the count in the only declaration of locals.
    let at = module.windows(4).position(|bytes| bytes == [1, 1, 0x7f, 0x0b]).unwrap();
    let body = [1, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x7f, 0x0b];
    let mut huge = module[..at - 1].to_vec();
    huge.push(8);
    huge.extend(body);
    let grown = 4;
    huge[at - 3] += grown;
    let component = [&b"\0asm\x0d\0\x01\0"[..], &[1, u8::try_from(huge.len()).unwrap()], &huge].concat();
    let shape = Shape::read(&component).unwrap();
    assert_eq!(shape.locals, u64::from(u32::MAX));
    assert_eq!(shape.within_limits().unwrap_err().what, "locals in one function");
}

#[test]
fn types_are_counted_at_any_depth() {
    let shape = shape(
        "(component
            (type (instance (type (record (field \"a\" u8))) (export \"f\" (func))))
            (core module (type (func)) (type (func (param i32))))
            (component (type u8)))",
    );
    // The instance type, its record, its function type and its export; two of the module; `u8`.
    assert_eq!(shape.types, 7);
}

/// Returns a component with component types nested this deep.
fn nested_types(levels: usize) -> Vec<u8> {
    let types: Vec<u8> = std::iter::repeat_n([0x41, 1, 1], levels).flatten().chain([0x7f]).collect();
    let mut length = Vec::new();
    let mut rest = types.len() + 1;
    while rest > 0x7f {
        length.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    length.push(rest as u8);
    [&b"\0asm\x0d\0\x01\0\x07"[..], &length, &[1], &types].concat()
}

#[test]
fn nested_types_need_no_stack() {
    assert_eq!(Shape::read(&nested_types(20)).unwrap().type_depth, 20);
    for levels in [51, 1_000, 1_000_000] {
        let shape = Shape::read(&nested_types(levels)).unwrap();
        assert_eq!(shape.within_limits().unwrap_err().what, "types nested in each other", "{levels}");
    }
}

#[test]
fn definitions_stop_at_the_limit() {
    // Aliases of four bytes each in the innermost component, of items of the outermost one.
    let header = b"\0asm\x0d\0\x01\0";
    let number = |mut rest: usize| {
        let mut bytes = Vec::new();
        while rest > 0x7f {
            bytes.push((rest & 0x7f) as u8 | 0x80);
            rest >>= 7;
        }
        bytes.push(rest as u8);
        bytes
    };
    let aliases = 2_000_000;
    let section = [number(aliases), [4, 2, 10, 0].repeat(aliases)].concat();
    let mut component = [&header[..], &[6], &number(section.len()), &section].concat();
    for _ in 0..10 {
        component = [&header[..], &[4], &number(component.len()), &component].concat();
    }
    let shape = Shape::read(&component).unwrap();
    assert_eq!(shape.within_limits().unwrap_err().what, "instantiation steps");
}

#[test]
fn index_out_of_range_is_an_error() {
    // An instance of component 7, which does not exist.
    let component = [&b"\0asm\x0d\0\x01\0"[..], &[5, 4, 1, 0, 7, 0]].concat();
    assert!(matches!(Shape::read(&component), Err(ComponentError::IndexOutOfRange)));
}

#[test]
fn deep_instantiation_needs_no_stack() {
    // More components than a validator accepts. Each instantiates the previous one.
    let mut section = Vec::new();
    let header = b"\0asm\x0d\0\x01\0";
    section.extend(header);
    section.extend([4, 8]);
    section.extend(header);
    for _ in 0..100_000 {
        // A component that aliases and instantiates the newest outer component.
        let inner = [&header[..], &[6, 5, 1, 4, 2, 1, 0], &[5, 4, 1, 0, 0, 0]].concat();
        section.push(4);
        section.push(u8::try_from(inner.len()).unwrap());
        section.extend(inner);
    }
    section.extend([5, 6, 1, 0, 0xa0, 0x8d, 0x06, 0]);
    let shape = Shape::read(&section).unwrap();
    assert_eq!(shape.component_instances, 3);
}
