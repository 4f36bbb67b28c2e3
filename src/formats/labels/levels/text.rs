//! Labels in text files: a label per line, or a column per level.

use std::io::BufRead;
use std::path::Path;

use super::assignment::{Assignment, MOST_LEVELS};
use super::number::is_missing;
use crate::base::error::Finding;
use crate::base::text::counted;
use crate::formats::labels::code::Coder;
use crate::formats::lines::{bad_line, each_line, each_row};

/// Names of the only column, where there is no `level1`.
const ONE: [&str; 4] = ["label", "labels", "cluster", "clusters"];

/// How a line is cut into columns.
#[derive(Clone, Copy)]
enum Cut {
    /// The line is one label.
    Whole,
    Tabs,
    /// White space or commas between numbers, as `numpy.savetxt` writes them.
    Numbers,
}

impl Cut {
    /// As the first line asks for.
    fn of(first: &str) -> Cut {
        let is_number = |part: &str| part.parse::<f64>().is_ok();
        match () {
            () if first.contains('\t') => Cut::Tabs,
            () if Cut::Numbers.parts(first).len() > 1 && Cut::Numbers.parts(first).into_iter().all(is_number) => {
                Cut::Numbers
            }
            () => Cut::Whole,
        }
    }

    fn parts(self, line: &str) -> Vec<&str> {
        match self {
            Cut::Whole => vec![line.trim()],
            Cut::Tabs => line.split('\t').map(str::trim).collect(),
            Cut::Numbers => line.split([' ', ',']).filter(|part| !part.is_empty()).collect(),
        }
    }
}

/// Reads a `.txt`.
pub(super) fn lines(reader: impl BufRead, path: &Path) -> Result<Vec<Assignment>, Finding> {
    let mut cut = None;
    let mut levels = Vec::new();
    each_line(reader, path, "labels", |at, line| {
        let cut = *cut.get_or_insert_with(|| Cut::of(line));
        let parts = cut.parts(line);
        if at == 0 {
            levels = coders(parts.len(), path)?;
        }
        if parts.len() != levels.len() {
            let found = format!("{}, but {} in the first line", counted(parts.len(), "label"), levels.len());
            return Err(bad_line(path, at, "labels", &found));
        }
        levels.iter_mut().zip(parts).try_for_each(|(level, part)| push(level, part))
    })?;
    let several = levels.len() > 1;
    let level = |(number, coder): (usize, Coder<'_, String>)| {
        Assignment::of_labels(coder.finish_texts(), path, several.then(|| (number + 1).to_string()))
    };
    levels.into_iter().enumerate().map(level).collect()
}

/// Reads a `.csv`. `wanted` are its columns, fine to coarse; empty for those that are named as levels.
pub(super) fn csv(reader: impl BufRead, path: &Path, wanted: &[String]) -> Result<Vec<Assignment>, Finding> {
    let mut names = Vec::new();
    let mut levels = Vec::new();
    let choose = |header: &[&str]| {
        let places = choose(header, wanted, path)?;
        names = places.iter().map(|&place| header[place].to_owned()).collect();
        Ok(places)
    };
    each_row(reader, path, choose, |_, cells| {
        if levels.is_empty() {
            levels = coders(cells.len(), path)?;
        }
        levels.iter_mut().zip(cells).try_for_each(|(level, cell)| push(level, cell.trim()))
    })?;
    if levels.is_empty() {
        return Err(Finding::new("the file of labels has no rows").file(path).hint("write it again"));
    }
    let level =
        |(coder, name): (Coder<'_, String>, String)| Assignment::of_labels(coder.finish_texts(), path, Some(name));
    levels.into_iter().zip(names).map(level).collect()
}

/// One for each of `count` columns.
pub(super) fn coders(count: usize, path: &Path) -> Result<Vec<Coder<'_, String>>, Finding> {
    if count as u64 > MOST_LEVELS {
        let finding = Finding::new("the file has too many columns for labels").file(path);
        return Err(finding.expected(format!("at most {MOST_LEVELS} levels")).found(counted(count, "column")));
    }
    Ok((0..count).map(|_| Coder::new(path)).collect())
}

/// Adds the label of the next row.
pub(super) fn push(level: &mut Coder<'_, String>, label: &str) -> Result<(), Finding> {
    level.push(Some(label).filter(|label| !is_missing(label)))
}

/// The places of the columns of labels, fine to coarse.
pub(super) fn choose(header: &[&str], wanted: &[String], path: &Path) -> Result<Vec<usize>, Finding> {
    let at = |name: &str| header.iter().position(|column| column.trim() == name);
    let found = || header.iter().take(20).copied().collect::<Vec<_>>().join(", ");
    if !wanted.is_empty() {
        let place = |name: &String| {
            at(name).ok_or_else(|| {
                let finding = Finding::new(format!("the file has no column `{name}`")).file(path).found(found());
                finding.hint("correct --level-columns")
            })
        };
        return wanted.iter().map(place).collect();
    }
    let mut levels: Vec<(u32, usize)> =
        header.iter().enumerate().filter_map(|(place, name)| Some((level_of(name)?, place))).collect();
    levels.sort_unstable();
    if !levels.is_empty() {
        return Ok(levels.into_iter().map(|(_, place)| place).collect());
    }
    let named: Vec<usize> = ONE.iter().filter_map(|name| at(name)).collect();
    match (named[..].len(), header) {
        (1, _) => Ok(named),
        (0, [one]) if one.trim().parse::<f64>().is_err() => Ok(vec![0]),
        (0, [number]) => {
            Err(Finding::new("the file has no line of column names").file(path).found(number.trim()).hint(format!(
                "if that is the column's name, add --level-columns {}; if it is a label, rename the file to .txt",
                number.trim()
            )))
        }
        _ => Err(Finding::new("which columns hold the labels?")
            .file(path)
            .expected("columns level1, level2, ... from fine to coarse, or one column `label` or `cluster`")
            .found(found())
            .hint("name them with --level-columns")),
    }
}

/// `level1`, `level_2`, `Level 3`
fn level_of(name: &str) -> Option<u32> {
    let name = name.trim().to_ascii_lowercase();
    let number = name.strip_prefix("level")?;
    number.strip_prefix(['_', ' ', '-']).unwrap_or(number).parse().ok()
}
