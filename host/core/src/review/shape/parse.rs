//! A component as a tree of definitions, in the order of their index spaces.

use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind, ComponentType,
    ComponentTypeDeclaration, ComponentTypeRef, CompositeInnerType, CoreType, Instance, InstanceTypeDeclaration,
    ModuleTypeDeclaration, Parser, Payload, RecGroup, TypeRef,
};

use super::{Shape, body};
use crate::declaration::ComponentError;

/// A component, and all that it defines.
#[derive(Default)]
pub(super) struct Component<'a> {
    pub(super) definitions: Vec<Definition<'a>>,
    /// Items of enclosing components that it aliases, itself or from within.
    pub(super) captures: Vec<Outer>,
}

/// The sizes of a core module.
#[derive(Clone, Copy, Default)]
pub(super) struct Module {
    pub(super) imports: u64,
    pub(super) memories: u64,
    pub(super) tables: u64,
    /// Of the function type with most of them.
    parameters: u64,
}

/// An item of a component instance or of an instantiation's arguments: name, kind and index.
pub(super) type Named<'a> = (&'a str, ComponentExternalKind, u32);

/// An item of an enclosing component. The count is 0 for the component that encloses directly.
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
        arguments: Vec<Named<'a>>,
    },
    Instance(Vec<Named<'a>>),
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
    Export(Named<'a>),
    /// Definitions in index spaces of no interest here: types, functions, core aliases.
    Other(u64),
}

/// Where the parser is: in a component, or in a core module.
enum Open<'a> {
    Component(Component<'a>),
    Module(Module),
}

/// Parses a component, and adds the sizes that need no instantiation to the shape.
///
/// # Errors
///
/// [`ComponentError`] if the bytes are not a component.
pub(super) fn parse<'a>(component: &'a [u8], shape: &mut Shape) -> Result<Component<'a>, ComponentError> {
    let mut open: Vec<Open<'a>> = Vec::new();
    for payload in Parser::new(0).parse_all(component) {
        let payload = payload.map_err(ComponentError::Malformed)?;
        match (&payload, open.last_mut()) {
            (Payload::Version { encoding: wasmparser::Encoding::Component, .. }, _) => {
                open.push(Open::Component(Component::default()));
            }
            (Payload::Version { .. }, _) => open.push(Open::Module(Module::default())),
            (Payload::End(_), _) => {
                let ended = open.pop();
                match (ended, open.last_mut()) {
                    (Some(Open::Component(root)), None) => return Ok(root),
                    (Some(Open::Component(nested)), Some(Open::Component(outer))) => {
                        outer.captures.extend(nested.captures.iter().filter_map(Outer::seen_from_outside));
                        outer.definitions.push(Definition::Component(nested));
                    }
                    (Some(Open::Module(module)), Some(Open::Component(outer))) => {
                        outer.definitions.push(Definition::Module(module));
                    }
                    _ => return Err(ComponentError::CoreModule),
                }
            }
            (_, Some(Open::Component(component))) => {
                component.add(payload, shape).map_err(ComponentError::Malformed)?
            }
            (_, Some(Open::Module(module))) => module.add(payload, shape).map_err(ComponentError::Malformed)?,
            (_, None) => {}
        }
    }
    Err(ComponentError::Index)
}

impl Outer {
    /// Returns what the component that encloses this one captures for it, if it is not its own.
    fn seen_from_outside(&self) -> Option<Self> {
        Some(Self { count: self.count.checked_sub(1)?, ..*self })
    }
}

impl<'a> Component<'a> {
    fn add(&mut self, payload: Payload<'a>, shape: &mut Shape) -> wasmparser::Result<()> {
        match payload {
            Payload::InstanceSection(section) => {
                for instance in section {
                    self.definitions.push(match instance? {
                        Instance::Instantiate { module_index, args } => {
                            Definition::CoreInstantiate { module: module_index, arguments: length(args.len()) }
                        }
                        Instance::FromExports(exports) => Definition::Other(length(exports.len()).saturating_add(1)),
                    });
                }
            }
            Payload::ComponentInstanceSection(section) => {
                for instance in section {
                    self.definitions.push(match instance? {
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
                    self.add_alias(&alias?);
                }
            }
            Payload::ComponentImportSection(section) => {
                for import in section {
                    let import = import?;
                    let name = import.name.name;
                    self.definitions.push(Definition::Import { kind: kind_of(&import.ty), name });
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section {
                    let export = export?;
                    self.definitions.push(Definition::Export((export.name.name, export.kind, export.index)));
                }
            }
            Payload::CoreTypeSection(section) => {
                for defined in section {
                    add_types(shape, of_core(&defined?));
                }
            }
            Payload::ComponentTypeSection(section) => {
                for defined in section {
                    add_types(shape, of_component(&defined?));
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
                self.captures.extend(outer.seen_from_outside());
                Definition::AliasOuter(outer)
            }
            ComponentAlias::CoreInstanceExport { .. } => Definition::Other(1),
        });
    }
}

impl Module {
    fn add(&mut self, payload: Payload<'_>, shape: &mut Shape) -> wasmparser::Result<()> {
        match payload {
            Payload::TypeSection(section) => {
                for group in section {
                    let group = group?;
                    add_types(shape, of_group(&group));
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
                    // An import is somebody else's memory or table.
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

fn add_types(shape: &mut Shape, types: u64) {
    shape.types = shape.types.saturating_add(types);
}

fn length(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

fn of_group(group: &RecGroup) -> u64 {
    length(group.types().len())
}

fn of_core(ty: &CoreType<'_>) -> u64 {
    match ty {
        CoreType::Rec(group) => of_group(group),
        CoreType::Module(declarations) => 1 + declarations.iter().map(of_module_declaration).sum::<u64>(),
    }
}

fn of_module_declaration(declaration: &ModuleTypeDeclaration<'_>) -> u64 {
    match declaration {
        ModuleTypeDeclaration::Type(group) => of_group(group),
        _ => 1,
    }
}

fn of_component(ty: &ComponentType<'_>) -> u64 {
    1 + match ty {
        ComponentType::Component(declarations) => declarations
            .iter()
            .map(|declaration| match declaration {
                ComponentTypeDeclaration::CoreType(ty) => of_core(ty),
                ComponentTypeDeclaration::Type(ty) => of_component(ty),
                _ => 1,
            })
            .sum::<u64>(),
        ComponentType::Instance(declarations) => declarations
            .iter()
            .map(|declaration| match declaration {
                InstanceTypeDeclaration::CoreType(ty) => of_core(ty),
                InstanceTypeDeclaration::Type(ty) => of_component(ty),
                _ => 1,
            })
            .sum::<u64>(),
        _ => 0,
    }
}
