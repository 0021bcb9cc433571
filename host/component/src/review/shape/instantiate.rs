//! The instances of a component, counted by evaluation of its definitions without their contents.
//!
//! An engine expands each instantiation of a nested component in place, and copies definitions that
//! it passes on. This module does the same with sizes instead of definitions. It therefore follows
//! arguments, aliases and components that are passed as values exactly.

use std::collections::HashMap;
use std::rc::Rc;

use wasmparser::ComponentExternalKind;

use super::Shape;
use super::parse::{Component, Definition, Module, NamedItem, Outer};

/// An item of an index space.
#[derive(Clone)]
enum Item<'c, 'a> {
    Module(Module),
    Component(Closure<'c, 'a>),
    Instance(Exports<'c, 'a>),
    /// A function, a type, a value or an import from the host.
    Opaque,
}

/// A component, with the frame that has its aliased items.
#[derive(Clone, Copy)]
struct Closure<'c, 'a> {
    component: &'c Component<'a>,
    /// The frame that defines it.
    frame: usize,
    weight: u64,
}

/// The exports of an instance.
#[derive(Clone)]
struct Exports<'c, 'a> {
    items: Rc<HashMap<&'a str, Item<'c, 'a>>>,
    weight: u64,
}

/// The instantiation of a component.
struct Frame<'c, 'a> {
    component: &'c Component<'a>,
    /// The frame that defined the component; none for the outermost.
    outer: Option<usize>,
    arguments: HashMap<&'a str, Item<'c, 'a>>,
    next: usize,
    modules: Vec<Item<'c, 'a>>,
    components: Vec<Item<'c, 'a>>,
    instances: Vec<Item<'c, 'a>>,
}

struct Counter<'c, 'a, 's> {
    /// All frames, completed ones included: closures refer to them.
    frames: Vec<Frame<'c, 'a>>,
    /// The incomplete frames, the innermost last.
    stack: Vec<usize>,
    shape: &'s mut Shape,
    /// Resource types, of which an engine saves a list at each instantiation.
    resources: u64,
}

/// Counts instances up to a number of steps. Returns none if an index is out of range.
pub(super) fn count(root: &Component<'_>, resources: u64, steps: u64, shape: &mut Shape) -> Option<()> {
    let mut counter =
        Counter { frames: vec![Frame::new(root, None, HashMap::new())], stack: vec![0], shape, resources };
    counter.shape.component_instances = 1;
    while let Some(&current) = counter.stack.last() {
        let limits = &Shape::LIMITS;
        if counter.shape.steps > steps || counter.shape.component_instances > limits.component_instances {
            break;
        }
        let frame = counter.frames.get_mut(current)?;
        match frame.component.definitions.get(frame.next) {
            Some(definition) => {
                frame.next += 1;
                counter.step(1);
                counter.evaluate(current, definition)?;
            }
            None => counter.complete(current)?,
        }
    }
    Some(())
}

impl<'c, 'a> Frame<'c, 'a> {
    fn new(component: &'c Component<'a>, outer: Option<usize>, arguments: HashMap<&'a str, Item<'c, 'a>>) -> Self {
        let (modules, components, instances) = (Vec::new(), Vec::new(), Vec::new());
        Self { component, outer, arguments, next: 0, modules, components, instances }
    }

    fn push(&mut self, kind: ComponentExternalKind, item: Item<'c, 'a>) {
        match kind {
            ComponentExternalKind::Module => self.modules.push(item),
            ComponentExternalKind::Component => self.components.push(item),
            ComponentExternalKind::Instance => self.instances.push(item),
            _ => {}
        }
    }

    fn item(&self, kind: ComponentExternalKind, index: u32) -> Option<Item<'c, 'a>> {
        let index = usize::try_from(index).ok()?;
        match kind {
            ComponentExternalKind::Module => self.modules.get(index).cloned(),
            ComponentExternalKind::Component => self.components.get(index).cloned(),
            ComponentExternalKind::Instance => self.instances.get(index).cloned(),
            _ => Some(Item::Opaque),
        }
    }
}

impl Item<'_, '_> {
    /// The number of definitions that a copy of the item copies.
    fn weight(&self) -> u64 {
        match self {
            Self::Module(_) | Self::Opaque => 1,
            Self::Component(closure) => closure.weight,
            Self::Instance(exports) => exports.weight,
        }
    }
}

impl<'c, 'a> Counter<'c, 'a, '_> {
    fn step(&mut self, weight: u64) {
        self.shape.steps = self.shape.steps.saturating_add(weight);
    }

    fn evaluate(&mut self, current: usize, definition: &'c Definition<'a>) -> Option<()> {
        let (kind, item) = match definition {
            Definition::Module(module) => (ComponentExternalKind::Module, Item::Module(*module)),
            Definition::Component(component) => {
                let mut weight = 1_u64;
                for capture in &component.captures {
                    weight = weight.saturating_add(self.outer(current, *capture)?.weight());
                }
                let closure = Closure { component, frame: current, weight };
                (ComponentExternalKind::Component, Item::Component(closure))
            }
            Definition::CoreInstantiate { module, arguments } => {
                let module = self.frames.get(current)?.item(ComponentExternalKind::Module, *module)?;
                let module = if let Item::Module(module) = module { module } else { Module::default() };
                self.step(arguments.saturating_add(module.imports));
                let shape = &mut *self.shape;
                shape.core_instances = shape.core_instances.saturating_add(1);
                shape.memories = shape.memories.saturating_add(module.memories);
                shape.tables = shape.tables.saturating_add(module.tables);
                return Some(());
            }
            Definition::Instantiate { component, arguments } => return self.enter(current, *component, arguments),
            Definition::Instance(items) => (ComponentExternalKind::Instance, self.instance_of(current, items)?),
            Definition::AliasExport { kind, instance, name } => {
                let instance = self.frames.get(current)?.item(ComponentExternalKind::Instance, *instance)?;
                let item = match instance {
                    Item::Instance(exports) => exports.items.get(name)?.clone(),
                    _ => Item::Opaque,
                };
                (*kind, item)
            }
            Definition::AliasOuter(outer) => {
                let kind = kind_of(*outer);
                match outer.count.checked_sub(1) {
                    None => (kind, self.frames.get(current)?.item(kind, outer.index)?),
                    Some(count) => {
                        let enclosing = self.frames.get(current)?.outer?;
                        (kind, self.outer(enclosing, Outer { count, ..*outer })?)
                    }
                }
            }
            Definition::Import { kind, name } => {
                let frame = self.frames.get(current)?;
                let item = match frame.outer {
                    None => Item::Opaque,
                    // A type argument can be implied by the type of a function.
                    Some(_) if matches!(kind, ComponentExternalKind::Type) => Item::Opaque,
                    Some(_) => frame.arguments.get(name)?.clone(),
                };
                (*kind, item)
            }
            Definition::Export((_, kind, index)) => (*kind, self.frames.get(current)?.item(*kind, *index)?),
            Definition::Other(count) => {
                self.step(*count);
                return Some(());
            }
        };
        self.step(item.weight());
        self.frames.get_mut(current)?.push(kind, item);
        Some(())
    }

    /// Finds an item in the frame or in an enclosing frame.
    fn outer(&self, frame: usize, outer: Outer) -> Option<Item<'c, 'a>> {
        let mut frame = self.frames.get(frame)?;
        for _ in 0..outer.count {
            frame = self.frames.get(frame.outer?)?;
        }
        frame.item(kind_of(outer), outer.index)
    }

    /// Builds an instance from items of the frame.
    fn instance_of(&mut self, current: usize, items: &[NamedItem<'a>]) -> Option<Item<'c, 'a>> {
        let frame = self.frames.get(current)?;
        let mut exports = HashMap::with_capacity(items.len());
        let mut weight = 1_u64;
        for (name, kind, index) in items {
            let item = frame.item(*kind, *index)?;
            weight = weight.saturating_add(item.weight());
            exports.insert(*name, item);
        }
        Some(Item::Instance(Exports { items: Rc::new(exports), weight }))
    }

    /// Begins the instantiation of a component of the frame.
    fn enter(&mut self, current: usize, component: u32, arguments: &[NamedItem<'a>]) -> Option<()> {
        self.shape.component_instances = self.shape.component_instances.saturating_add(1);
        self.step(self.resources);
        let component = self.frames.get(current)?.item(ComponentExternalKind::Component, component)?;
        let Item::Component(closure) = component else {
            self.frames.get_mut(current)?.push(ComponentExternalKind::Instance, Item::Opaque);
            return Some(());
        };
        let Item::Instance(Exports { items, weight }) = self.instance_of(current, arguments)? else { return None };
        self.step(weight.saturating_add(closure.weight));
        let arguments = Rc::unwrap_or_clone(items);
        self.stack.push(self.frames.len());
        self.frames.push(Frame::new(closure.component, Some(closure.frame), arguments));
        Some(())
    }

    /// Completes the innermost frame, and adds its exports as an instance to the frame below.
    fn complete(&mut self, current: usize) -> Option<()> {
        self.stack.pop();
        let Some(&below) = self.stack.last() else { return Some(()) };
        let component = self.frames.get(current)?.component;
        let exports: Vec<NamedItem<'a>> = component
            .definitions
            .iter()
            .filter_map(|definition| if let Definition::Export(export) = definition { Some(*export) } else { None })
            .collect();
        let instance = self.instance_of(current, &exports)?;
        self.step(instance.weight());
        self.frames.get_mut(below)?.push(ComponentExternalKind::Instance, instance);
        Some(())
    }
}

fn kind_of(outer: Outer) -> ComponentExternalKind {
    if outer.is_component { ComponentExternalKind::Component } else { ComponentExternalKind::Module }
}
