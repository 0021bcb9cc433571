//! What a component is made of, read without compiling or running it.

use std::str::FromStr;

use far_capability::Declaration;
use far_capability::SkillDigest;
use wasmparser::component_types::{ComponentDefinedType, ComponentEntityType, ComponentValType};
use wasmparser::types::TypesRef;
use wasmparser::{ComponentTypeRef, Encoding, Parser, Payload, PrimitiveValType, Validator};

use super::import::{Import, ImportKind, by_kind};
use super::shape::Shape;
use crate::ComponentError;

/// The export that a task calls.
const RUN: &str = "run";

/// What a component is made of: all that a review goes by.
#[derive(Clone, Debug)]
pub struct Anatomy {
    /// The skill's identity.
    pub digest: SkillDigest,
    /// The component's size in bytes.
    pub size: usize,
    /// What a host must give it, by kind and name. Author's text.
    pub imports: Vec<Import>,
    /// What it gives, in its own order. Author's text.
    pub exports: Vec<String>,
    /// Whether one of them is `run`, from bytes to bytes or an error.
    pub runs: bool,
    /// What its author declares. Author's text.
    pub declaration: Option<Declaration>,
    /// How many core modules are in it, at any depth.
    pub modules: usize,
    /// How many components are in it, at any depth, without itself.
    pub components: usize,
    /// The sizes that decide what loading it costs, all within the limits of a host.
    pub shape: Shape,
}

/// The world that a component is of, by what it imports and exports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum World {
    /// It uses secrets without seeing them.
    Skill,
    /// It can take the bytes of secrets.
    SkillRevealing,
    /// It is no skill: it imports what the package has not, or has no `run`.
    Other,
}

impl World {
    /// Every world.
    pub const ALL: [Self; 3] = [Self::Skill, Self::SkillRevealing, Self::Other];

    /// The world's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Skill => "skill",
            Self::SkillRevealing => "skill-revealing",
            Self::Other => "other",
        }
    }

    /// What a component of it can do with secrets, in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Skill => "uses secrets without seeing them",
            Self::SkillRevealing => "can take the bytes of secrets",
            Self::Other => "no skill: a host of this version refuses it",
        }
    }
}

/// A text is not the name of a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a world is one of 'skill', 'skill-revealing', 'other'")]
pub struct WorldError;

impl FromStr for World {
    type Err = WorldError;

    fn from_str(text: &str) -> Result<Self, WorldError> {
        Self::ALL.into_iter().find(|world| world.as_str() == text).ok_or(WorldError)
    }
}

impl Anatomy {
    /// Reads a component. Its cost is that of validating it, which grows with its size.
    ///
    /// # Errors
    ///
    /// [`ComponentError`], by fault of whoever made the component: one that no host would load.
    pub fn read(component: &[u8]) -> Result<Self, ComponentError> {
        // First: it bounds the depth that everything else walks.
        let declaration = crate::read(component)?;
        let shape = Shape::read(component)?.within_limits()?;
        let types = Validator::new().validate_all(component).map_err(ComponentError::Malformed)?;
        let mut anatomy = Self {
            digest: SkillDigest::of(component),
            size: component.len(),
            imports: Vec::new(),
            exports: Vec::new(),
            runs: runs(types.as_ref()),
            declaration,
            modules: 0,
            components: 0,
            shape,
        };
        anatomy.walk(component).map_err(ComponentError::Malformed)?;
        anatomy.imports.sort_by(by_kind);
        Ok(anatomy)
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
                // What is nested gets its imports from what it is nested in.
                Payload::ComponentImportSection(section) if depth == 1 => {
                    for import in section {
                        let import = import?;
                        self.imports.push(match import.ty {
                            ComponentTypeRef::Instance(_) => Import::new(import.name.name),
                            _ => Import::bare(import.name.name),
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

    /// Whether it imports something of this kind.
    pub fn has(&self, kind: ImportKind) -> bool {
        self.imports.iter().any(|import| import.kind() == kind)
    }

    /// The world that it is of.
    pub fn world(&self) -> World {
        if self.has(ImportKind::Unknown) || !self.runs {
            World::Other
        } else if self.has(ImportKind::Reveal) {
            World::SkillRevealing
        } else {
            World::Skill
        }
    }
}

/// Whether there is a `run: func(input: list<u8>) -> result<list<u8>, string>`.
fn runs(types: TypesRef<'_>) -> bool {
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
