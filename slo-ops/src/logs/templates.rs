//! Drain: a tree that finds the template of a line.

use super::template::{ANY, Template, TemplateId, beginning, hash};
use rustc_hash::FxBuildHasher;
use serde::{Deserialize, Serialize};
use slo_core::Error;
use std::collections::{BTreeMap, HashMap};

/// What limits the work and the memory of [`Templates`], and how alike lines of a template are.
///
/// ```
/// use slo_ops::logs::Limits;
///
/// assert_eq!((Limits::default().depth, Limits::default().similarity), (4, 0.4));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[expect(
    clippy::exhaustive_structs,
    reason = "callers set what they need, the rest by `..Limits::default()`"
)]
pub struct Limits {
    /// The levels of the tree: the root, the number of words, `depth` − 3 words, and the templates.
    pub depth: usize,
    /// The share of words that a line must have in common with a template, from 0 to 1.
    pub similarity: f64,
    /// The most branches of a level of the tree that stand for a word.
    pub branches: usize,
    /// The most templates that are kept. The one that was used least recently makes room for another.
    pub templates: usize,
    /// The bytes of a line that are looked at; what follows is left out.
    pub line: usize,
}

impl Limits {
    /// Checks the limits.
    ///
    /// # Errors
    /// A depth below 3, a similarity outside 0 to 1, fewer than 2 branches, no template, or lines without bytes.
    pub fn check(self) -> Result<Self, Error> {
        let fault = if self.depth < 3 {
            Some(format!("depth: {} is less than 3", self.depth))
        } else if !(0.0..=1.0).contains(&self.similarity) {
            Some(format!("similarity: {} is not between 0 and 1", self.similarity))
        } else if self.branches < 2 {
            Some(format!("branches: {} is less than 2", self.branches))
        } else if self.templates > MOST_TEMPLATES {
            Some(format!("templates: {} are more than {MOST_TEMPLATES}", self.templates))
        } else if self.templates == 0 || self.line == 0 {
            Some("there must be room for at least one template, and one byte of a line".to_owned())
        } else {
            None
        };
        fault.map_or(Ok(self), |fault| Err(Error::new(fault)))
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth: 4, similarity: 0.4, branches: 100, templates: 10_000, line: 8_192 }
    }
}

/// The most templates that there can be room for.
const MOST_TEMPLATES: usize = 1_000_000;

/// Templates of log lines, found by Drain.
///
/// A line goes down a tree by its number of words and its first words, and joins the template there that has most words
/// in common with it. The words that differ then vary (P. He, J. Zhu, Z. Zheng and M. Lyu: Drain, 2017). Its groups are
/// those of the Python package drain3, if the lines are the same.
///
/// Memory is bounded by [`Limits`], whatever the lines are.
///
/// ```
/// use slo_ops::logs::{Limits, Templates};
///
/// let mut templates = Templates::new(Limits::default());
/// let first = templates.add("user ann logged in");
/// assert_eq!(templates.add("user bob logged in"), first);
/// assert_ne!(templates.add("disk full"), first);
/// let texts: Vec<String> = templates.iter().map(ToString::to_string).collect();
/// assert_eq!(texts, ["user <*> logged in", "disk full"]);
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Templates {
    limits: Limits,
    nodes: Vec<Node>,
    /// The node for each number of words.
    roots: BTreeMap<usize, usize>,
    found: Vec<Option<Template>>,
    free: Vec<usize>,
    last: u64,
    oldest: Option<usize>,
    newest: Option<usize>,
    forgotten: Forgotten,
    /// How often a branch for a word was made beside one for all words: lines may lead elsewhere since.
    reshaped: u64,
    #[serde(skip)]
    recent: Vec<Recent>,
}

/// Templates that made room for others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Forgotten {
    /// How many templates.
    pub templates: u64,
    /// The lines that they had.
    pub lines: u64,
}

/// A place in the tree.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Node {
    words: HashMap<Box<str>, usize, FxBuildHasher>,
    /// The branch for all other words.
    any: Option<usize>,
    /// The places of its templates, if it is a leaf, in the order in which they came.
    templates: Vec<usize>,
    /// How often its templates have changed.
    changes: u64,
}

impl Node {
    fn branch(&self, word: &str) -> Option<usize> {
        if word == ANY { self.any } else { self.words.get(word).copied() }
    }
}

/// A line that was seen, and the template that it led to while its leaf has not changed since.
#[derive(Debug, Clone, Default)]
struct Recent {
    line: String,
    at: usize,
    leaf: usize,
    /// The changes of the leaf; 0 for no line, since a leaf with a template has changed.
    changes: u64,
    reshaped: u64,
}

/// How many lines are remembered, by their hash.
const RECENT: usize = 1024;
/// The longest line that is remembered.
const LONGEST_RECENT: usize = 1024;

impl Templates {
    /// No template yet.
    #[must_use]
    pub const fn new(limits: Limits) -> Self {
        Self {
            limits,
            nodes: Vec::new(),
            roots: BTreeMap::new(),
            found: Vec::new(),
            free: Vec::new(),
            last: 0,
            oldest: None,
            newest: None,
            forgotten: Forgotten { templates: 0, lines: 0 },
            reshaped: 0,
            recent: Vec::new(),
        }
    }

    /// Adds a line, and tells which template it is of.
    pub fn add(&mut self, line: &str) -> TemplateId {
        self.add_telling(line).0
    }

    /// Adds a line, and tells which template it is of, and which one made room for it.
    pub(super) fn add_telling(&mut self, line: &str) -> (TemplateId, Option<TemplateId>) {
        let line = beginning(line, self.limits.line);
        let key = hash(line);
        if let Some(at) = self.remembered(key, line) {
            self.count(at, 1);
            self.touch(at);
            return (self.id(at), None);
        }
        let words: Vec<&str> = words(line).collect();
        let hashes: Vec<u64> = words.iter().map(|word| hash(word)).collect();
        let found = self.leaf(&words).and_then(|leaf| self.most_alike(leaf, &hashes));
        let (at, forgotten) = if let Some(at) = found {
            if let Some(template) = self.found.get_mut(at).and_then(Option::as_mut)
                && template.loosen(words.iter().copied())
            {
                let leaf = template.leaf;
                self.changed(leaf);
            }
            self.count(at, 1);
            self.touch(at);
            (at, None)
        } else {
            self.insert(&words, hashes, 1)
        };
        // A line with `<*>` has nothing in common there, even with itself.
        if !words.contains(&ANY) {
            self.remember(key, line, at);
        }
        (self.id(at), forgotten)
    }

    /// The templates, in the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = &Template> {
        let mut all: Vec<&Template> = self.found.iter().flatten().collect();
        all.sort_unstable_by_key(|template| template.id);
        all.into_iter()
    }

    /// The number of templates that are kept.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.found.len().saturating_sub(self.free.len())
    }

    /// Whether there is no template.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The templates that made room for others, and their lines.
    #[must_use]
    pub const fn forgotten(&self) -> Forgotten {
        self.forgotten
    }

    /// The number of the last template.
    pub(super) const fn last(&self) -> u64 {
        self.last
    }

    /// Numbers further templates from here on.
    pub(super) const fn number_after(&mut self, last: u64) {
        self.last = last;
    }

    /// The limits.
    #[must_use]
    pub const fn limits(&self) -> Limits {
        self.limits
    }

    /// Adds the templates of another worker; tells which template each of them has become.
    ///
    /// No line is lost. The groups may differ from those of one worker that sees all lines, since templates depend on
    /// the order of lines.
    pub fn merge(&mut self, other: &Self) -> BTreeMap<TemplateId, TemplateId> {
        let mut became = BTreeMap::new();
        for template in other.iter() {
            let words: Vec<&str> = template.texts().collect();
            let found = self.leaf(&words).and_then(|leaf| self.same_or_most_alike(leaf, template));
            let at = if let Some(at) = found {
                if let Some(own) = self.found.get_mut(at).and_then(Option::as_mut)
                    && own.loosen(words.iter().copied())
                {
                    let leaf = own.leaf;
                    self.changed(leaf);
                }
                self.count(at, template.lines);
                self.touch(at);
                at
            } else {
                self.insert(&words, template.words.clone(), template.lines).0
            };
            became.insert(template.id, self.id(at));
        }
        self.forgotten.templates += other.forgotten.templates;
        self.forgotten.lines += other.forgotten.lines;
        became
    }

    fn id(&self, at: usize) -> TemplateId {
        self.at(at).map_or(TemplateId(0), |template| template.id)
    }

    fn at(&self, at: usize) -> Option<&Template> {
        self.found.get(at).and_then(Option::as_ref)
    }

    fn count(&mut self, at: usize, lines: u64) {
        if let Some(template) = self.found.get_mut(at).and_then(Option::as_mut) {
            template.lines += lines;
        }
    }

    /// The levels of the tree that words choose.
    const fn levels(&self, words: usize) -> usize {
        let levels = self.limits.depth.saturating_sub(3);
        // The last word of a short line does not choose.
        if levels < words { levels } else { words.saturating_sub(1) }
    }

    /// The leaf that a line leads to.
    fn leaf(&self, words: &[&str]) -> Option<usize> {
        let mut at = *self.roots.get(&words.len())?;
        for word in words.iter().take(self.levels(words.len())) {
            let node = self.nodes.get(at)?;
            at = node.branch(word).or(node.any)?;
        }
        Some(at)
    }

    /// The template of a leaf that has most words in common with a line; of two of them, the one with more words that vary.
    fn most_alike(&self, leaf: usize, line: &[u64]) -> Option<usize> {
        let any = hash(ANY);
        let mut best: Option<(usize, usize, usize)> = None;
        for &at in &self.nodes.get(leaf)?.templates {
            let Some(template) = self.at(at) else { continue };
            let (mut same, mut varying) = (0, 0);
            for (own, word) in template.words.iter().zip(line) {
                varying += usize::from(*own == any);
                same += usize::from(*own == *word && *own != any);
            }
            if best.is_none_or(|(most, vary, _)| (same, varying) > (most, vary)) {
                best = Some((same, varying, at));
                if same == line.len() {
                    break;
                }
            }
        }
        let (same, _, at) = best?;
        self.is_alike(same, line.len()).then_some(at)
    }

    fn is_alike(&self, same: usize, words: usize) -> bool {
        words == 0 || same as f64 / words as f64 >= self.limits.similarity
    }

    /// The same template of a leaf, or else the one that has most words in common; words that vary in both are common.
    fn same_or_most_alike(&self, leaf: usize, other: &Template) -> Option<usize> {
        let same = |template: &Template| {
            template.words.iter().zip(&other.words).filter(|(own, word)| own == word).count()
        };
        let mut best: Option<(usize, usize)> = None;
        for &at in &self.nodes.get(leaf)?.templates {
            let Some(template) = self.at(at) else { continue };
            if template.text == other.text {
                return Some(at);
            }
            let same = same(template);
            if best.is_none_or(|(most, _)| same > most) {
                best = Some((same, at));
            }
        }
        let (same, at) = best?;
        self.is_alike(same, other.words.len()).then_some(at)
    }

    /// Makes a template of a line; tells its place, and which one made room for it.
    fn insert(&mut self, words: &[&str], hashes: Vec<u64>, lines: u64) -> (usize, Option<TemplateId>) {
        let forgotten = if self.len() >= self.limits.templates { self.forget_oldest() } else { None };
        let leaf = self.grown(words);
        self.last += 1;
        let template = Template {
            id: TemplateId(self.last),
            text: words.join(" "),
            words: hashes,
            lines,
            leaf,
            older: None,
            newer: None,
        };
        let at = self.free.pop().unwrap_or(self.found.len());
        match self.found.get_mut(at) {
            Some(place) => *place = Some(template),
            None => self.found.push(Some(template)),
        }
        if let Some(node) = self.nodes.get_mut(leaf) {
            node.templates.push(at);
        }
        self.changed(leaf);
        self.link(at);
        (at, forgotten)
    }

    /// The leaf for a line, made if there is none.
    fn grown(&mut self, words: &[&str]) -> usize {
        let mut at = if let Some(at) = self.roots.get(&words.len()) {
            *at
        } else {
            let at = self.node();
            self.roots.insert(words.len(), at);
            at
        };
        for word in words.iter().take(self.levels(words.len())) {
            at = self.branch(at, word);
        }
        at
    }

    /// The branch of a node for a word, made if there is none.
    fn branch(&mut self, at: usize, word: &str) -> usize {
        let Some(node) = self.nodes.get(at) else { return at };
        if let Some(branch) = node.branch(word) {
            return branch;
        }
        let branches = node.words.len();
        // The branch for all other words is one of the branches.
        let is_full = branches + 1 >= self.limits.branches;
        if is_full || word == ANY || varies(word) {
            if let Some(any) = node.any {
                return any;
            }
            let branch = self.node();
            if let Some(node) = self.nodes.get_mut(at) {
                node.any = Some(branch);
            }
            return branch;
        }
        let branch = self.node();
        if let Some(node) = self.nodes.get_mut(at) {
            node.words.insert(word.into(), branch);
            self.reshaped += u64::from(node.any.is_some());
        }
        branch
    }

    fn node(&mut self) -> usize {
        self.nodes.push(Node::default());
        self.nodes.len() - 1
    }

    fn changed(&mut self, leaf: usize) {
        if let Some(node) = self.nodes.get_mut(leaf) {
            node.changes += 1;
        }
    }

    /// Removes the template that was used least recently.
    fn forget_oldest(&mut self) -> Option<TemplateId> {
        let at = self.oldest?;
        self.unlink(at);
        let template = self.found.get_mut(at).and_then(Option::take)?;
        self.free.push(at);
        self.forgotten.templates += 1;
        self.forgotten.lines += template.lines;
        if let Some(node) = self.nodes.get_mut(template.leaf) {
            node.templates.retain(|other| *other != at);
        }
        self.changed(template.leaf);
        Some(template.id)
    }

    /// Makes a template the one that was used last.
    fn touch(&mut self, at: usize) {
        if self.newest != Some(at) {
            self.unlink(at);
            self.link(at);
        }
    }

    fn link(&mut self, at: usize) {
        let newest = self.newest.replace(at);
        if let Some(template) = self.found.get_mut(at).and_then(Option::as_mut) {
            (template.older, template.newer) = (newest, None);
        }
        match newest.and_then(|newest| self.found.get_mut(newest)).and_then(Option::as_mut) {
            Some(before) => before.newer = Some(at),
            None => self.oldest = Some(at),
        }
    }

    fn unlink(&mut self, at: usize) {
        let Some((older, newer)) = self.at(at).map(|template| (template.older, template.newer)) else {
            return;
        };
        match older.and_then(|older| self.found.get_mut(older)).and_then(Option::as_mut) {
            Some(older) => older.newer = newer,
            None => self.oldest = newer,
        }
        match newer.and_then(|newer| self.found.get_mut(newer)).and_then(Option::as_mut) {
            Some(newer) => newer.older = older,
            None => self.newest = older,
        }
    }

    /// Where a line led that was seen before, if it would lead there again.
    fn remembered(&self, key: u64, line: &str) -> Option<usize> {
        let recent = self.recent.get(slot(key))?;
        let is_valid = recent.changes > 0
            && recent.reshaped == self.reshaped
            && recent.line == line
            && self.nodes.get(recent.leaf)?.changes == recent.changes;
        is_valid.then_some(recent.at)
    }

    fn remember(&mut self, key: u64, line: &str, at: usize) {
        if line.len() > LONGEST_RECENT {
            return;
        }
        if self.recent.is_empty() {
            self.recent.resize(RECENT, Recent::default());
        }
        let Some(leaf) = self.at(at).map(|template| template.leaf) else { return };
        let Some(changes) = self.nodes.get(leaf).map(|node| node.changes) else { return };
        if let Some(recent) = self.recent.get_mut(slot(key)) {
            recent.line.clear();
            recent.line.push_str(line);
            (recent.at, recent.leaf, recent.changes, recent.reshaped) = (at, leaf, changes, self.reshaped);
        }
    }
}

/// The words of a line. What separates them is what separates them in Python.
fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|character: char| character.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&character))
        .filter(|word| !word.is_empty())
}

/// Whether a word has a digit, and so is likely to vary.
fn varies(word: &str) -> bool {
    word.chars().any(char::is_numeric)
}

const fn slot(key: u64) -> usize {
    (key >> 7) as usize % RECENT
}
