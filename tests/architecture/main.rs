//! The shape of the code, held by a test: rooms import only rooms below them, no two files need each other, one layer names
//! wgpu, files stay readable.

mod circles;
mod source;

use circles::{Index, circles};
use source::Source;

/// The rooms from the top to the bottom: each imports only rooms below it.
const ROOMS: &[&str] =
    &["cli", "batch", "run", "report", "plan", "kmeans", "evaluate", "metrics", "engine", "backend", "formats", "base"];

/// A file that is longer wants to be two.
const MAX_LINES: usize = 420;

/// What a source breaks.
fn broken(source: &Source) -> Vec<String> {
    let file = &source.file;
    let mut broken = Vec::new();
    if source.text.lines().count() > MAX_LINES {
        broken.push(format!("{file} has {} lines", source.text.lines().count()));
    }
    if source.text.contains("wgpu::") && !file.starts_with("backend/gpu/") {
        broken.push(format!("{file} names wgpu"));
    }
    if matches!(file.as_str(), "lib.rs" | "main.rs") {
        return broken;
    }
    let Some(own) = ROOMS.iter().position(|room| *room == source.room()) else {
        return vec![format!("{file} is in none of the rooms")];
    };
    if source.is_test() {
        return broken;
    }
    let named = source.named();
    let rooms = named.iter().filter(|named| named.path.first().is_some_and(|first| first == "crate"));
    for room in rooms.filter_map(|named| named.path.get(1)) {
        if ROOMS.iter().position(|other| other == room).is_some_and(|at| at < own) {
            broken.push(format!("{file} imports `{room}`, which is above it"));
        }
    }
    broken
}

#[test]
fn rooms_import_only_rooms_below_them_and_files_stay_readable() {
    let all: Vec<String> = Source::all().iter().flat_map(broken).collect();
    assert!(all.is_empty(), "{}", all.join("\n"));
}

#[test]
fn no_two_files_need_each_other() {
    let sources = Source::all();
    let found = circles(&Index::new(&sources).needs(&sources));
    let text: Vec<String> = found.iter().map(|circle| circle.join(" ")).collect();
    assert!(found.is_empty(), "{} circles:\n{}", found.len(), text.join("\n"));
}

fn source(file: &str, text: &str) -> Source {
    Source { file: file.to_owned(), text: text.to_owned() }
}

#[test]
fn a_breach_is_noticed() {
    let of = |file: &str, text: &str| broken(&source(file, text));
    assert_eq!(
        of("formats/npy.rs", "use crate::backend::Lane;\n"),
        ["formats/npy.rs imports `backend`, which is above it"]
    );
    assert_eq!(
        of("metrics/x.rs", "use crate::{base::error::Finding, evaluate};\n"),
        ["metrics/x.rs imports `evaluate`, which is above it"]
    );
    assert_eq!(of("engine/x.rs", "fn f() { crate::run::go() }\n"), ["engine/x.rs imports `run`, which is above it"]);
    assert_eq!(of("evaluate/mod.rs", "fn f(_: wgpu::Device) {}\n"), ["evaluate/mod.rs names wgpu"]);
    assert!(of("other.rs", "").first().is_some_and(|b| b.contains("none of the rooms")));
    assert!(of("formats/npy.rs", &"\n".repeat(MAX_LINES + 1)).first().is_some_and(|b| b.contains("lines")));
    assert!(of("formats/npy.rs", "// crate::backend is above\nuse crate::base::error::Finding;\n").is_empty());
}

#[test]
fn a_circle_is_noticed_through_a_re_export_and_a_facade_is_none() {
    let circle = [
        source("engine/mod.rs", "mod a;\nmod b;\npub use a::A;\n"),
        source("engine/a.rs", "use super::b::B;\npub struct A(B);\n"),
        source("engine/b.rs", "pub struct B;\nfn f(_: crate::engine::A) {}\n"),
    ];
    assert_eq!(circles(&Index::new(&circle).needs(&circle)), [["engine/a.rs", "engine/b.rs"]]);
    let parent = [
        source("engine/mod.rs", "mod a;\npub struct M;\nfn f() { a::run() }\n"),
        source("engine/a.rs", "use super::M;\npub fn run() {}\n"),
    ];
    assert_eq!(circles(&Index::new(&parent).needs(&parent)), [["engine/a.rs", "engine/mod.rs"]]);
    let facade = [
        source("engine/mod.rs", "mod a;\nmod b;\npub use a::A;\n"),
        source("engine/a.rs", "pub struct A;\n"),
        source("engine/b.rs", "use super::A;\n#[cfg(test)]\nmod tests {\n    use crate::engine;\n}\n"),
    ];
    assert!(circles(&Index::new(&facade).needs(&facade)).is_empty());
}
