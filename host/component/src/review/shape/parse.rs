//! A component as a tree of definitions, in the order of their index spaces.

use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind, ComponentTypeRef,
    CompositeInnerType, Instance, Parser, Payload, TypeRef,
};

use super::types::Types;
use super::{Shape, body};
use crate::ComponentError;

/// A component and its definitions.
#[derive(Default)]
pub(super) struct Component<'a> {
    pub(super) definitions: Vec<Definition<'a>>,
    /// The items of enclosing components that it or a nested component aliases.
    pub(super) captures: Vec<Outer>,
}

/// The sizes of a core module.
#[derive(Clone, Copy, Default)]
pub(super) struct Module {
    pub(super) imports: u64,
    pub(super) memories: u64,
    pub(super) tables: u64,
    /// The most parameters of a function type.
    parameters: u64,
}

/// An export of an instance or an argument of an instantiation: name, kind and index.
pub(super) type NamedItem<'a> = (&'a str, ComponentExternalKind, u32);

/// An item of an enclosing component. The count is 0 for the innermost enclosing component.
#[derive(Clone, Copy)]
pub(super) struct Outer {
    pub(super) is_component: bool,
    pub(super) count: usize,
    pub(super) index: u32,
}

/// One definition of a component.
pub(super) enum Definition<'a> {
    Module(Module),
    Component(Component<'a>),
    CoreInstantiate {
        module: u32,
        arguments: u64,
    },
    Instantiate {
        component: u32,
        arguments: Vec<NamedItem<'a>>,
    },
    Instance(Vec<NamedItem<'a>>),
    AliasExport {
        kind: ComponentExternalKind,
        instance: u32,
        name: &'a str,
    },
    AliasOuter(Outer),
    Import {
        kind: ComponentExternalKind,
        name: &'a str,
    },
    Export(NamedItem<'a>),
    /// A number of definitions in other index spaces: types, functions and core aliases.
    Other(u64),
}

/// A component or core module that the parser is in.
enum OpenItem<'a> {
    Component(Component<'a>),
    Module(Module),
}

/// A parsed component.
pub(super) struct ParsedComponent<'a> {
    /// The outermost component; none if its definitions exceed the limit on steps.
    pub(super) root: Option<Component<'a>>,
    /// Resource types, at any depth.
    pub(super) resources: u64,
}

/// Parses a component, and adds the sizes that need no instantiation to the shape. Stops at the
/// limit on steps, which bounds definitions, arguments and captures, and at the limit on the
/// nesting of types.
///
/// # Errors
///
/// [`ComponentError`] if the bytes are not a component.
pub(super) fn parse<'a>(component: &'a [u8], shape: &mut Shape) -> Result<ParsedComponent<'a>, ComponentError> {
    let mut types = Types::default();
    let mut items = 0_u64;
    let mut open: Vec<OpenItem<'a>> = Vec::new();
    for payload in Parser::new(0).parse_all(component) {
        let payload = payload.map_err(ComponentError::Malformed)?;
        shape.types = types.count;
        shape.type_depth = types.depth;
        if items > Shape::LIMITS.steps || types.depth > Shape::LIMITS.type_depth {
            shape.steps = items;
            return Ok(ParsedComponent { root: None, resources: types.resources });
        }
        match (&payload, open.last_mut()) {
            (Payload::Version { encoding: wasmparser::Encoding::Component, .. }, _) => {
                open.push(OpenItem::Component(Component::default()));
            }
            (Payload::Version { .. }, _) => open.push(OpenItem::Module(Module::default())),
            (Payload::End(_), _) => {
                let ended = open.pop();
                match (ended, open.last_mut()) {
                    (Some(OpenItem::Component(root)), None) => {
                        return Ok(ParsedComponent { root: Some(root), resources: types.resources });
                    }
                    (Some(OpenItem::Component(nested)), Some(OpenItem::Component(outer))) => {
                        let before = outer.captures.len();
                        outer.captures.extend(nested.captures.iter().filter_map(Outer::captured_outside));
                        items = items.saturating_add(length(outer.captures.len() - before));
                        outer.definitions.push(Definition::Component(nested));
                    }
                    (Some(OpenItem::Module(module)), Some(OpenItem::Component(outer))) => {
                        outer.definitions.push(Definition::Module(module));
                    }
                    _ => return Err(ComponentError::CoreModule),
                }
            }
            (Payload::ComponentTypeSection(section), Some(OpenItem::Component(_))) => {
                let range = section.range();
                let bytes = component.get(range.clone()).unwrap_or_default();
                types.add_section(bytes, range.start).map_err(ComponentError::Malformed)?;
            }
            (_, Some(OpenItem::Component(component))) => {
                component.add(payload, &mut types, &mut items).map_err(ComponentError::Malformed)?;
            }
            (_, Some(OpenItem::Module(module))) => {
                module.add(payload, &mut types, shape).map_err(ComponentError::Malformed)?;
            }
            (_, None) => {}
        }
    }
    Err(ComponentError::IndexOutOfRange)
}

impl Outer {
    /// Returns the item relative to the enclosing component, or none if that component defines it.
    fn captured_outside(&self) -> Option<Self> {
        Some(Self { count: self.count.checked_sub(1)?, ..*self })
    }
}

impl<'a> Component<'a> {
    /// Adds a section, up to the limit on steps.
    fn add(&mut self, payload: Payload<'a>, types: &mut Types, items: &mut u64) -> wasmparser::Result<()> {
        let most = Shape::LIMITS.steps;
        let mut within = |more: usize| {
            *items = items.saturating_add(length(more)).saturating_add(1);
            *items <= most
        };
        match payload {
            Payload::InstanceSection(section) => {
                for instance in section {
                    let instance = instance?;
                    if !within(0) {
                        break;
                    }
                    self.definitions.push(match instance {
                        Instance::Instantiate { module_index, args } => {
                            Definition::CoreInstantiate { module: module_index, arguments: length(args.len()) }
                        }
                        Instance::FromExports(exports) => Definition::Other(length(exports.len()).saturating_add(1)),
                    });
                }
            }
            Payload::ComponentInstanceSection(section) => {
                for instance in section {
                    let instance = instance?;
                    let items = match &instance {
                        ComponentInstance::Instantiate { args, .. } => args.len(),
                        ComponentInstance::FromExports(exports) => exports.len(),
                    };
                    if !within(items) {
                        break;
                    }
                    self.definitions.push(match instance {
                        ComponentInstance::Instantiate { component_index, args } => Definition::Instantiate {
                            component: component_index,
                            arguments: args.iter().map(|item| (item.name, item.kind, item.index)).collect(),
                        },
                        ComponentInstance::FromExports(exports) => Definition::Instance(
                            exports.iter().map(|item| (item.name.name, item.kind, item.index)).collect(),
                        ),
                    });
                }
            }
            Payload::ComponentAliasSection(section) => {
                for alias in section {
                    let alias = alias?;
                    if !within(1) {
                        break;
                    }
                    self.add_alias(&alias);
                }
            }
            Payload::ComponentImportSection(section) => {
                for import in section {
                    let import = import?;
                    types.add_reference(&import.ty);
                    if !within(0) {
                        break;
                    }
                    let name = import.name.name;
                    self.definitions.push(Definition::Import { kind: kind_of(&import.ty), name });
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section {
                    let export = export?;
                    if !within(0) {
                        break;
                    }
                    self.definitions.push(Definition::Export((export.name.name, export.kind, export.index)));
                }
            }
            Payload::CoreTypeSection(section) => {
                for defined in section {
                    types.add_core(&defined?);
                }
            }
            Payload::ComponentCanonicalSection(section) => {
                self.definitions.push(Definition::Other(section.count().into()));
            }
            _ => {}
        }
        Ok(())
    }

    fn add_alias(&mut self, alias: &ComponentAlias<'a>) {
        self.definitions.push(match *alias {
            ComponentAlias::InstanceExport { kind, instance_index: instance, name } => {
                Definition::AliasExport { kind, instance, name }
            }
            ComponentAlias::Outer { kind, count, index } => {
                let is_component = match kind {
                    ComponentOuterAliasKind::Component => true,
                    ComponentOuterAliasKind::CoreModule => false,
                    _ => return self.definitions.push(Definition::Other(1)),
                };
                let count = usize::try_from(count).unwrap_or(usize::MAX);
                let outer = Outer { is_component, count, index };
                self.captures.extend(outer.captured_outside());
                Definition::AliasOuter(outer)
            }
            ComponentAlias::CoreInstanceExport { .. } => Definition::Other(1),
        });
    }
}

impl Module {
    fn add(&mut self, payload: Payload<'_>, types: &mut Types, shape: &mut Shape) -> wasmparser::Result<()> {
        match payload {
            Payload::TypeSection(section) => {
                for group in section {
                    let group = group?;
                    types.count = types.count.saturating_add(length(group.types().len()));
                    let parameters = group.types().map(|ty| match &ty.composite_type.inner {
                        CompositeInnerType::Func(function) => length(function.params().len()),
                        _ => 0,
                    });
                    self.parameters = parameters.fold(self.parameters, u64::max);
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    self.imports = self.imports.saturating_add(1);
                    // An imported memory or table counts where it is defined.
                    let _: TypeRef = import?.ty;
                }
            }
            Payload::MemorySection(section) => self.memories = self.memories.saturating_add(section.count().into()),
            Payload::TableSection(section) => self.tables = self.tables.saturating_add(section.count().into()),
            Payload::CodeSectionEntry(function) => body::add(&function, self.parameters, shape)?,
            _ => {}
        }
        Ok(())
    }
}

fn kind_of(ty: &ComponentTypeRef) -> ComponentExternalKind {
    match ty {
        ComponentTypeRef::Module(_) => ComponentExternalKind::Module,
        ComponentTypeRef::Func(_) => ComponentExternalKind::Func,
        ComponentTypeRef::Value(_) => ComponentExternalKind::Value,
        ComponentTypeRef::Type(_) => ComponentExternalKind::Type,
        ComponentTypeRef::Instance(_) => ComponentExternalKind::Instance,
        ComponentTypeRef::Component(_) => ComponentExternalKind::Component,
    }
}

fn length(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
