//! The shape of the code, held by a test: imports go down only, one layer names wgpu, files stay readable.

use std::fs;
use std::path::{Path, PathBuf};

/// For every top module, the top modules that it may import. A module that is not listed fails the test.
const LAYERS: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("matrix", &[]),
    ("pca", &["matrix"]),
    ("tsne", &[]),
    ("atomic_file", &[]),
    ("interrupt", &[]),
    ("partials", &[]),
    ("crew", &["error"]),
    ("identity", &["error"]),
    ("partfile", &["atomic_file", "error"]),
    ("scratch", &["atomic_file", "error", "identity"]),
    ("plot", &["error"]),
    ("input", &["error", "matrix"]),
    ("clustering", &["atomic_file", "error", "input", "matrix"]),
    ("sampling", &["error", "input"]),
    ("backend", &["error", "matrix"]),
    ("agreement", &["partials"]),
    ("facts", &["agreement", "partials"]),
    ("metrics", &["agreement", "error", "facts", "partials"]),
    ("gates", &["error", "metrics"]),
    ("record", &["error", "facts", "metrics", "partials"]),
    ("output", &["error", "metrics", "record"]),
    ("collect", &["error", "metrics", "output", "plot", "record"]),
    ("report", &["error", "metrics", "output", "plot", "record"]),
    ("summary", &["metrics", "record"]),
    ("tracking", &["error", "metrics", "output", "record"]),
    ("compare", &["agreement", "error", "gates", "metrics", "output", "record", "summary"]),
    ("evaluate", &["agreement", "backend", "crew", "error", "facts", "input", "matrix", "partials"]),
    (
        "shard",
        &[
            "atomic_file",
            "error",
            "evaluate",
            "identity",
            "interrupt",
            "output",
            "partfile",
            "partials",
            "record",
            "scratch",
        ],
    ),
    // it is told of settings and inputs that are checked, and looks at files and the queue only
    ("slurm", &["atomic_file", "error", "metrics", "output", "record", "shard", "summary"]),
    (
        "kmeans",
        &[
            "atomic_file",
            "backend",
            "clustering",
            "crew",
            "error",
            "evaluate",
            "input",
            "interrupt",
            "matrix",
            "partfile",
            "record",
            "sampling",
            "shard",
        ],
    ),
    ("probe", &["backend", "error", "matrix"]),
    ("config", &["error", "evaluate", "gates", "input", "kmeans", "matrix", "metrics", "sampling"]),
    ("grid", &["config", "error", "metrics"]),
    ("cli", &["config", "facts", "metrics", "sampling", "shard"]),
    ("console", &["cli", "evaluate", "interrupt", "metrics"]),
    ("cost", &["config", "error", "metrics"]),
    (
        "plan",
        &[
            "backend", "config", "cost", "error", "evaluate", "identity", "input", "metrics", "record", "scratch",
            "shard",
        ],
    ),
    ("slurm", &["config", "error", "grid", "output", "plan", "record", "shard"]),
    ("buffers", &["config", "error", "evaluate", "interrupt", "output", "plan", "scratch", "shard"]),
    ("map", &["config", "error", "input", "matrix", "metrics", "pca", "plan", "record", "tsne"]),
    ("gallery", &["config", "error", "input", "metrics", "output", "plan", "record"]),
    (
        "commands",
        &[
            "atomic_file",
            "backend",
            "buffers",
            "cli",
            "clustering",
            "collect",
            "compare",
            "config",
            "console",
            "error",
            "evaluate",
            "gallery",
            "gates",
            "grid",
            "identity",
            "input",
            "interrupt",
            "kmeans",
            "map",
            "matrix",
            "metrics",
            "output",
            "partfile",
            "partials",
            "pca",
            "plan",
            "probe",
            "record",
            "report",
            "sampling",
            "scratch",
            "shard",
            "slurm",
            "summary",
            "tracking",
        ],
    ),
];

/// Longer than this, a file wants to be two.
const MAX_LINES: usize = 420;

fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            let path: PathBuf = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let name = path.strip_prefix(&root).expect("below").to_string_lossy().replace('\\', "/");
                files.push((name, fs::read_to_string(&path).expect("text")));
            }
        }
    }
    files
}

/// The top module that a file belongs to: `input/npy/mod.rs` to `input`.
fn module(file: &str) -> &str {
    file.split('/').next().unwrap_or(file).trim_end_matches(".rs")
}

/// Top modules that a source names after `crate::`, comments apart; `use crate::{a, b}` counts for each.
fn imports(text: &str) -> Vec<String> {
    let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut found = Vec::new();
    for part in code.split("crate::").skip(1) {
        let names = match part.strip_prefix('{') {
            Some(group) => group.split('}').next().unwrap_or_default().split(',').collect(),
            None => vec![part],
        };
        for name in names {
            let name: String = name.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if name.chars().next().is_some_and(char::is_lowercase) {
                found.push(name);
            }
        }
    }
    found
}

/// What a source breaks.
fn broken(file: &str, text: &str) -> Vec<String> {
    let module = module(file);
    let mut broken = Vec::new();
    if text.lines().count() > MAX_LINES {
        broken.push(format!("{file} has {} lines", text.lines().count()));
    }
    if text.contains("wgpu::") && !file.starts_with("backend/gpu/") {
        broken.push(format!("{file} names wgpu"));
    }
    if matches!(file, "lib.rs" | "main.rs") {
        return broken;
    }
    let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == module) else {
        return vec![format!("{file}: module `{module}` has no place in the layers")];
    };
    // a module's tests may use whatever they like
    if file.ends_with("/tests.rs") || file.contains("/tests/") {
        return broken;
    }
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    for import in imports(text).iter().filter(|import| *import != module) {
        if !allowed.contains(&import.as_str()) {
            broken.push(format!("{file} imports `{import}`"));
        }
    }
    broken
}

#[test]
fn imports_go_down_only_and_files_stay_readable() {
    let all: Vec<String> = sources().iter().flat_map(|(file, text)| broken(file, text)).collect();
    assert!(all.is_empty(), "{}", all.join("\n"));
}

#[test]
fn layers_are_in_order() {
    for (i, (module, allowed)) in LAYERS.iter().enumerate() {
        for import in *allowed {
            let at = LAYERS.iter().position(|(name, _)| name == import);
            assert!(at.is_some_and(|at| at < i), "`{module}` stands above `{import}`");
        }
    }
}

#[test]
fn a_breach_is_noticed() {
    assert_eq!(broken("input/npy.rs", "use crate::backend::Lane;\n"), ["input/npy.rs imports `backend`"]);
    assert_eq!(broken("metrics/x.rs", "use crate::{error::Finding, evaluate};\n"), ["metrics/x.rs imports `evaluate`"]);
    assert_eq!(broken("evaluate/mod.rs", "fn f(_: wgpu::Device) {}\n"), ["evaluate/mod.rs names wgpu"]);
    assert!(broken("other.rs", "").first().is_some_and(|b| b.contains("no place")));
    assert!(broken("input/npy.rs", &"\n".repeat(MAX_LINES + 1)).first().is_some_and(|b| b.contains("lines")));
    assert!(broken("input/npy.rs", "// crate::backend is above\nuse crate::error::Finding;\n").is_empty());
}
