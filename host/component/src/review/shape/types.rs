//! The types of a component, read without recursion.
//!
//! A recursive reader overflows its stack on a few kilobytes of nested types, and so crashes the
//! process that has the secrets. This module therefore uses an explicit stack of bounded depth.

use wasmparser::{
    BinaryReader, ComponentAlias, ComponentExternName, ComponentImport, ComponentType, ComponentTypeRef, CoreType,
    ModuleTypeDeclaration, Result, TypeBounds,
};

/// The maximum nesting depth of component and instance types that is read.
const DEPTH_MAX: usize = 100;
/// The first byte of a component type, and of an instance type.
const NESTING: [u8; 2] = [0x41, 0x42];

/// Sizes of type sections.
#[derive(Clone, Copy, Default)]
pub(super) struct Types {
    /// Types and declarations, at any depth.
    pub(super) count: u64,
    /// Resource types among them.
    pub(super) resources: u64,
    /// The maximum nesting depth.
    pub(super) depth: u64,
}

impl Types {
    /// Adds a section of component types. Stops at the bound on nesting.
    pub(super) fn add_section(&mut self, section: &[u8], offset: usize) -> Result<()> {
        let mut reader = BinaryReader::new(section, offset);
        // The number of remaining declarations of each open type, the innermost last.
        let mut open = vec![reader.read_var_u32()?];
        while let Some(left) = open.last_mut() {
            let Some(rest) = left.checked_sub(1) else {
                open.pop();
                continue;
            };
            *left = rest;
            self.count = self.count.saturating_add(1);
            let is_type = open.len() == 1 || self.declaration(&mut reader)?;
            if is_type && let Some(declarations) = self.defined(&mut reader)? {
                open.push(declarations);
                self.depth = self.depth.max(u64::try_from(open.len() - 1).unwrap_or(u64::MAX));
                if open.len() > DEPTH_MAX {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Reads a type. Returns the number of its declarations, if types can nest in it.
    fn defined(&mut self, reader: &mut BinaryReader<'_>) -> Result<Option<u32>> {
        let mut after = reader.clone();
        if NESTING.contains(&after.read_u8()?) {
            *reader = after;
            return reader.read_var_u32().map(Some);
        }
        if let ComponentType::Resource { .. } = reader.read()? {
            self.resources = self.resources.saturating_add(1);
        }
        Ok(None)
    }

    /// Reads a declaration of a component or instance type. Returns true if a type follows.
    fn declaration(&mut self, reader: &mut BinaryReader<'_>) -> Result<bool> {
        match reader.read_u8()? {
            0x00 => {
                let core = reader.read()?;
                self.add_core(&core);
            }
            0x01 => return Ok(true),
            0x02 => _ = reader.read::<ComponentAlias<'_>>()?,
            0x03 => self.add_reference(&reader.read::<ComponentImport<'_>>()?.ty),
            _ => {
                reader.read::<ComponentExternName<'_>>()?;
                let ty = reader.read()?;
                self.add_reference(&ty);
            }
        }
        Ok(false)
    }

    /// Adds a core type. Module types do not nest.
    pub(super) fn add_core(&mut self, ty: &CoreType<'_>) {
        let groups: u64 = match ty {
            CoreType::Rec(group) => length(group.types().len()),
            CoreType::Module(declarations) => declarations
                .iter()
                .map(|declaration| match declaration {
                    ModuleTypeDeclaration::Type(group) => length(group.types().len()),
                    _ => 1,
                })
                .fold(1, u64::saturating_add),
        };
        self.count = self.count.saturating_add(groups);
    }

    /// Adds the type of an import or an export.
    pub(super) fn add_reference(&mut self, ty: &ComponentTypeRef) {
        if let ComponentTypeRef::Type(TypeBounds::SubResource) = ty {
            self.resources = self.resources.saturating_add(1);
        }
    }
}

fn length(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
