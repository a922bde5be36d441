//! Objects that the documents of a call may refer to.

use super::format::Format;
use crate::{document::Node, spec::Defaults};
use std::collections::{BTreeMap, btree_map::Entry};

/// Objects that other documents refer to.
#[derive(Default)]
pub(super) struct Everything<'a> {
    // OpenSLO's objects, by kind and name.
    pub(super) objects: BTreeMap<(&'a str, &'a str), &'a Node>,
    // Objects whose kind and name are already taken.
    pub(super) twins: Vec<&'a Node>,
    // Sloth's `AlertWindows`.
    pub(super) windows: Vec<&'a Node>,
    pub(super) defaults: Defaults,
}

impl<'a> Everything<'a> {
    pub(super) fn add(&mut self, node: &'a Node) {
        match Format::of(node) {
            Format::OpenSlo(_) => {
                let name = node.entry("metadata").and_then(|metadata| metadata.scalar("name"));
                if let (Some(kind), Some(name)) = (node.scalar("kind"), name) {
                    match self.objects.entry((kind, name)) {
                        Entry::Vacant(free) => {
                            free.insert(node);
                        }
                        Entry::Occupied(_) => self.twins.push(node),
                    }
                }
            }
            Format::SlothObject if node.scalar("kind") == Some("AlertWindows") => self.windows.push(node),
            _ => {}
        }
    }
}
