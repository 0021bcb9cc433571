//! The summary of a component, read without compiling or running it.

use std::str::FromStr;

use far_capability::Declaration;
use far_capability::SkillDigest;
use wasmparser::component_types::{ComponentDefinedType, ComponentEntityType, ComponentValType};
use wasmparser::types::TypesRef;
use wasmparser::{ComponentTypeRef, Encoding, Parser, Payload, PrimitiveValType, Validator};

use super::import::{Import, ImportKind, by_kind};
use super::shape::Shape;
use crate::ComponentError;

/// The exported function that a task calls.
const RUN: &str = "run";

/// The facts of a component that a review uses.
#[derive(Clone, Debug)]
pub struct ComponentSummary {
    /// The digest of the component, which identifies the skill.
    pub digest: SkillDigest,
    /// The size in bytes.
    pub size: usize,
    /// The imports, sorted by kind and name. The names are untrusted.
    pub imports: Vec<Import>,
    /// The names of the exports, in the order of the component. They are untrusted.
    pub exports: Vec<String>,
    /// True if an export is `run`, from bytes to bytes or an error.
    pub exports_run: bool,
    /// The declaration of the author. Its text is untrusted.
    pub declaration: Option<Declaration>,
    /// The number of core modules, at any depth.
    pub modules: usize,
    /// The number of nested components, at any depth.
    pub components: usize,
    /// The sizes that decide the cost of loading. All are within the limits of a host.
    pub shape: Shape,
}

/// The world of a component, by its imports and exports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum World {
    /// A skill that uses secrets without seeing them.
    Skill,
    /// A skill that can read the bytes of secrets.
    SkillRevealing,
    /// Not a skill: there is an unknown import, or no `run`.
    Other,
}

impl World {
    /// Every world.
    pub const ALL: [Self; 3] = [Self::Skill, Self::SkillRevealing, Self::Other];

    /// Returns the name of the world.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Skill => "skill",
            Self::SkillRevealing => "skill-revealing",
            Self::Other => "other",
        }
    }

    /// Describes the access of the world to secrets.
    pub fn description(self) -> &'static str {
        match self {
            Self::Skill => "uses secrets without seeing them",
            Self::SkillRevealing => "can read the bytes of secrets",
            Self::Other => "not a skill: this version of the host refuses it",
        }
    }
}

/// The string is not the name of a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a world is one of 'skill', 'skill-revealing', 'other'")]
pub struct WorldError;

impl FromStr for World {
    type Err = WorldError;

    fn from_str(text: &str) -> Result<Self, WorldError> {
        Self::ALL.into_iter().find(|world| world.as_str() == text).ok_or(WorldError)
    }
}

impl ComponentSummary {
    /// Reads a component. The cost is that of validation, and grows with the size.
    ///
    /// # Errors
    ///
    /// [`ComponentError`], by fault of the skill author: no host would load the component.
    pub fn read(component: &[u8]) -> Result<Self, ComponentError> {
        // First: this bounds the depth for all other steps.
        let declaration = crate::read(component)?;
        let shape = Shape::read(component)?.within_limits()?;
        let types = Validator::new().validate_all(component).map_err(ComponentError::Malformed)?;
        let mut summary = Self {
            digest: SkillDigest::of(component),
            size: component.len(),
            imports: Vec::new(),
            exports: Vec::new(),
            exports_run: exports_run(types.as_ref()),
            declaration,
            modules: 0,
            components: 0,
            shape,
        };
        summary.walk(component).map_err(ComponentError::Malformed)?;
        summary.imports.sort_by(by_kind);
        Ok(summary)
    }

    fn walk(&mut self, component: &[u8]) -> wasmparser::Result<()> {
        let mut depth = 0_usize;
        for payload in Parser::new(0).parse_all(component) {
            match payload? {
                Payload::Version { encoding, .. } => {
                    match encoding {
                        Encoding::Module => self.modules += 1,
                        Encoding::Component => self.components += usize::from(depth > 0),
                    }
                    depth += 1;
                }
                Payload::End(_) => depth = depth.saturating_sub(1),
                // The outer component, not the host, satisfies the imports of a nested one.
                Payload::ComponentImportSection(section) if depth == 1 => {
                    for import in section {
                        let import = import?;
                        self.imports.push(match import.ty {
                            ComponentTypeRef::Instance(_) => Import::new(import.name.name),
                            _ => Import::non_interface(import.name.name),
                        });
                    }
                }
                Payload::ComponentExportSection(section) if depth == 1 => {
                    for export in section {
                        self.exports.push(export?.name.name.to_owned());
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Returns true if there is an import of this kind.
    pub fn has(&self, kind: ImportKind) -> bool {
        self.imports.iter().any(|import| import.kind() == kind)
    }

    /// Returns the world.
    pub fn world(&self) -> World {
        if self.has(ImportKind::Unknown) || !self.exports_run {
            World::Other
        } else if self.has(ImportKind::Reveal) {
            World::SkillRevealing
        } else {
            World::Skill
        }
    }
}

/// Returns true if `run: func(input: list<u8>) -> result<list<u8>, string>` is exported.
fn exports_run(types: TypesRef<'_>) -> bool {
    is_run(types).unwrap_or(false)
}

fn is_run(types: TypesRef<'_>) -> Option<bool> {
    let ComponentEntityType::Func(function) = types.component_item_for_export(RUN)?.ty else { return None };
    let function = types.get(function)?;
    let [(_, input)] = &*function.params else { return None };
    let ComponentValType::Type(result) = function.result? else { return None };
    let ComponentDefinedType::Result { ok, err, .. } = types.get(result)? else { return None };
    let is_string = matches!(err, Some(ComponentValType::Primitive(PrimitiveValType::String)));
    Some(!function.async_ && is_bytes(types, *input) && is_string && ok.is_some_and(|output| is_bytes(types, output)))
}

fn is_bytes(types: TypesRef<'_>, value: ComponentValType) -> bool {
    let ComponentValType::Type(id) = value else { return false };
    let Some(ComponentDefinedType::List { element, .. }) = types.get(id) else { return false };
    matches!(element, ComponentValType::Primitive(PrimitiveValType::U8))
}
