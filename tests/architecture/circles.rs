//! Which files need which: names are followed through re-exports to the file that defines them.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{Named, Source};

type Module = Vec<String>;

/// What every module exports, and which modules there are.
pub(crate) struct Index {
    files: BTreeMap<Module, String>,
    exports: BTreeMap<Module, Vec<Named>>,
}

impl Index {
    pub(crate) fn new(sources: &[Source]) -> Index {
        let files = sources.iter().map(|source| (source.module(), source.file.clone())).collect();
        let exported = |source: &Source| source.named().into_iter().filter(|named| named.exported).collect();
        let exports = sources.iter().map(|source| (source.module(), exported(source))).collect();
        Index { files, exports }
    }

    /// The file that defines what `path`, named in `module`, leads to; `None` outside the crate.
    fn resolve(&self, module: &Module, path: &[String], depth: usize) -> Option<&str> {
        let (mut at, mut rest) = match path.first().map(String::as_str) {
            Some("crate") => (Module::new(), &path[1..]),
            Some("self") => (module.clone(), &path[1..]),
            Some("super") => (module[..module.len().checked_sub(1)?].to_vec(), &path[1..]),
            Some(first) => {
                let mut child = module.clone();
                child.push(first.to_owned());
                if !self.files.contains_key(&child) {
                    return None;
                }
                (child, &path[1..])
            }
            None => return None,
        };
        while rest.first().is_some_and(|segment| segment == "super") {
            at.pop();
            rest = &rest[1..];
        }
        while let Some(segment) = rest.first() {
            let mut child = at.clone();
            child.push(segment.clone());
            if self.files.contains_key(&child) {
                at = child;
                rest = &rest[1..];
                continue;
            }
            let export = self.exports.get(&at)?.iter().find(|named| named.alias.as_ref() == Some(segment));
            return match export {
                Some(named) if depth > 0 => self.resolve(&at, &named.path, depth - 1),
                _ => self.files.get(&at).map(String::as_str),
            };
        }
        self.files.get(&at).map(String::as_str)
    }

    /// For every file, the files that it needs. A re-export alone is no need.
    pub(crate) fn needs(&self, sources: &[Source]) -> BTreeMap<String, BTreeSet<String>> {
        let mut needs = BTreeMap::new();
        for source in sources.iter().filter(|source| !source.is_test()) {
            let mut of_file = BTreeSet::new();
            for named in source.named().iter().filter(|named| !named.exported) {
                if let Some(file) = self.resolve(&source.module(), &named.path, 8).filter(|file| *file != source.file) {
                    of_file.insert(file.to_owned());
                }
            }
            needs.insert(source.file.clone(), of_file);
        }
        needs
    }
}

/// Groups of files that need each other, directly or through others.
pub(crate) fn circles(needs: &BTreeMap<String, BTreeSet<String>>) -> Vec<Vec<String>> {
    let reach = |from: &String| {
        let mut seen = BTreeSet::new();
        let mut open: Vec<&String> = needs.get(from).into_iter().flatten().collect();
        while let Some(file) = open.pop() {
            if seen.insert(file) {
                open.extend(needs.get(file).into_iter().flatten());
            }
        }
        seen
    };
    let reached: BTreeMap<&String, BTreeSet<&String>> = needs.keys().map(|file| (file, reach(file))).collect();
    let mut found: Vec<Vec<String>> = Vec::new();
    for (file, there) in &reached {
        let circle: Vec<String> = there
            .iter()
            .filter(|&&other| reached.get(other).is_some_and(|back| back.contains(file)))
            .map(|f| (*f).clone())
            .collect();
        if circle.len() > 1 && !found.iter().any(|known| known.contains(file)) {
            found.push(circle);
        }
    }
    found
}
