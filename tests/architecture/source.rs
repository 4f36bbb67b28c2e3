//! The source files, as module paths, code without comments, and the paths that the code names.

use std::fs;
use std::path::Path;

/// One file of `src/`.
pub(crate) struct Source {
    /// Path below `src/`, with slashes.
    pub(crate) file: String,
    /// The whole text.
    pub(crate) text: String,
}

/// A path that a file names, with where it stands: `pub use` re-exports, everything else depends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    /// Segments, as written: `crate`, `super` and `self` are still there.
    pub(crate) path: Vec<String>,
    /// Name that a `use` gives it, where it is one.
    pub(crate) alias: Option<String>,
    /// Whether it is a `pub use` of any width.
    pub(crate) exported: bool,
}

impl Source {
    /// All files of `src/`.
    pub(crate) fn all() -> Vec<Source> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut folders = vec![root.clone()];
        let mut sources = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("a folder").flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|e| e == "rs") {
                    let file = path.strip_prefix(&root).expect("below src").to_string_lossy().replace('\\', "/");
                    sources.push(Source { file, text: fs::read_to_string(&path).expect("text") });
                }
            }
        }
        sources.sort_by(|a, b| a.file.cmp(&b.file));
        sources
    }

    /// The first folder: the room.
    pub(crate) fn room(&self) -> &str {
        self.file.split('/').next().unwrap_or(&self.file).trim_end_matches(".rs")
    }

    /// Module path: `formats/npy/mod.rs` is `["formats", "npy"]`; `lib.rs` is `[]`.
    pub(crate) fn module(&self) -> Vec<String> {
        let path = self.file.trim_end_matches(".rs").trim_end_matches("/mod");
        if path == "lib" { Vec::new() } else { path.split('/').map(str::to_owned).collect() }
    }

    /// Whether it holds tests only, which may use whatever they like.
    pub(crate) fn is_test(&self) -> bool {
        self.file.ends_with("/tests.rs") || self.file.contains("/tests/")
    }

    /// The code in front of the tests, without comments.
    pub(crate) fn code(&self) -> String {
        let code: Vec<&str> = self.text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        let code = code.join("\n");
        match code.find("#[cfg(test)]\nmod tests {").or_else(|| code.find("#[cfg(test)]\npub(crate) mod tests {")) {
            Some(at) => code[..at].to_owned(),
            None => code,
        }
    }

    /// Every path in its `use` declarations and in its code.
    pub(crate) fn named(&self) -> Vec<Named> {
        let code = self.code();
        let mut named = Vec::new();
        let mut rest = String::new();
        let mut at = 0;
        while let Some(found) = next_use(&code, at) {
            let (start, body, exported) = found;
            rest.push_str(&code[at..start]);
            let end = body + code[body..].find(';').unwrap_or(code.len() - body);
            expand(&code[body..end], &[], exported, &mut named);
            at = (end + 1).min(code.len());
        }
        rest.push_str(&code[at..]);
        named.extend(inline_paths(&rest));
        named
    }
}

/// The next `use` at the start of a line: where it starts, where its tree starts, whether it is public.
fn next_use(code: &str, from: usize) -> Option<(usize, usize, bool)> {
    let mut start = from;
    loop {
        let line_end = code[start..].find('\n').map_or(code.len(), |n| start + n);
        let line = &code[start..line_end];
        let trimmed = line.trim_start();
        let indent = line.len() - trimmed.len();
        let public = trimmed.starts_with("pub");
        if let Some(at) = trimmed.find("use ").filter(|&at| {
            at == 0 || (public && trimmed[..at].trim_end().chars().all(|c| c.is_alphanumeric() || "()_ ".contains(c)))
        }) {
            return Some((start, start + indent + at + 4, public));
        }
        if line_end >= code.len() {
            return None;
        }
        start = line_end + 1;
    }
}

/// Splits a use tree into its paths.
fn expand(tree: &str, prefix: &[String], exported: bool, out: &mut Vec<Named>) {
    let tree = tree.trim();
    if tree.is_empty() {
        return;
    }
    if let Some(open) = tree.find('{') {
        let mut path = prefix.to_vec();
        path.extend(tree[..open].split("::").map(str::trim).filter(|s| !s.is_empty()).map(str::to_owned));
        let inner = &tree[open + 1..tree.rfind('}').unwrap_or(tree.len())];
        let mut depth = 0;
        let mut start = 0;
        for (at, c) in inner.char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    expand(&inner[start..at], &path, exported, out);
                    start = at + 1;
                }
                _ => {}
            }
        }
        expand(&inner[start..], &path, exported, out);
        return;
    }
    let (path_text, alias) = match tree.split_once(" as ") {
        Some((path, alias)) => (path, Some(alias.trim().to_owned())),
        None => (tree, None),
    };
    let mut path = prefix.to_vec();
    path.extend(path_text.split("::").map(|s| s.trim().to_owned()));
    if path.last().is_some_and(|last| last == "self") && path.len() > 1 {
        path.pop();
    }
    let alias = alias.or_else(|| path.last().cloned());
    out.push(Named { path, alias, exported });
}

/// Paths of two and more segments in code.
fn inline_paths(code: &str) -> Vec<Named> {
    let in_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let paths = code.split(|c| !in_path(c)).filter(|word| word.contains("::") && !word.starts_with(':'));
    let segments = |path: &str| path.split("::").filter(|s| !s.is_empty()).map(str::to_owned).collect();
    paths.map(|path| Named { path: segments(path), alias: None, exported: false }).collect()
}
