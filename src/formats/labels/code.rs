//! Numbers labels in order of first appearance.

use std::collections::HashMap;
use std::hash::Hash;
use std::path::Path;

use super::list::{LabelNames, Labels};
use crate::base::error::Finding;
use crate::base::matrix::UNLABELLED;

/// A missing label as text, besides the empty text.
const MISSING: &str = "-1";

/// Numbers the labels of a file.
#[derive(Debug)]
pub(super) struct Coder<'a, K> {
    file: &'a Path,
    codes: HashMap<K, u32>,
    of_rows: Vec<u32>,
}

impl<'a, K: Hash + Eq> Coder<'a, K> {
    pub(super) fn new(file: &'a Path) -> Self {
        Coder { file, codes: HashMap::new(), of_rows: Vec::new() }
    }

    /// Adds the next row's label, or `None` if it is missing. Copies a text only if it is new.
    pub(super) fn push<Q>(&mut self, label: Option<&Q>) -> Result<(), Finding>
    where
        K: std::borrow::Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        let code = match label {
            None => UNLABELLED,
            Some(label) => match self.codes.get(label) {
                Some(&code) => code,
                None => {
                    let code = self.next_code()?;
                    self.codes.insert(label.to_owned(), code);
                    code
                }
            },
        };
        self.of_rows.push(code);
        Ok(())
    }

    fn next_code(&self) -> Result<u32, Finding> {
        let next = u32::try_from(self.codes.len()).ok().filter(|&code| code != UNLABELLED);
        next.ok_or_else(|| {
            let finding = Finding::new("there are too many different labels").file(self.file);
            finding.expected(format!("fewer than {UNLABELLED}"))
        })
    }

    /// The label numbers of all rows, and the labels in the order of their numbers.
    fn ordered(self) -> (Vec<u32>, Vec<K>) {
        let mut coded: Vec<(K, u32)> = self.codes.into_iter().collect();
        coded.sort_unstable_by_key(|(_, code)| *code);
        (self.of_rows, coded.into_iter().map(|(label, _)| label).collect())
    }
}

impl Coder<'_, String> {
    /// Adds the next row's label as written in the file.
    pub(super) fn text(&mut self, label: &str) -> Result<(), Finding> {
        self.push(Some(label).filter(|label| !label.is_empty() && *label != MISSING))
    }

    pub(super) fn finish_texts(self) -> Labels {
        let (of_rows, labels) = self.ordered();
        // `007` and `7` are different labels.
        let number = |label: &String| label.parse().ok().filter(|number: &u64| number.to_string() == *label);
        let distinct = labels.len();
        let names = match labels.iter().map(number).collect::<Option<Vec<u64>>>() {
            Some(numbers) => LabelNames::Whole(numbers.into()),
            None => LabelNames::Text(labels.into()),
        };
        Labels { of_rows, distinct, names }
    }
}

impl Coder<'_, u64> {
    pub(super) fn finish_numbers(self) -> Labels {
        let (of_rows, labels) = self.ordered();
        Labels { of_rows, distinct: labels.len(), names: LabelNames::Whole(labels.into()) }
    }
}
