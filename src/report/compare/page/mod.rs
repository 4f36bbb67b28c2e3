//! `compare.html`: two runs side by side as one page that needs neither a network nor other files.
//!
//! It is made like the report of a run (`report::page`): data go into it as JSON, scripts set text from outside as text, and
//! the content security policy lets nothing else run or load.
//!
//! | module | what it knows |
//! |---|---|
//! | `data` | which part of the comparison and of the records the page gets |
//! | `pictures` | images of the clusters that changed most, as many as fit |

mod data;
mod pictures;

use super::comparison::Comparison;
use super::flow::Flow;
use super::pair::Pair;
use crate::base::error::Result;
use crate::report::page::shell::{self, Content};
use pictures::Pictures;

/// Name of the page in a folder.
pub const NAME: &str = "compare.html";

/// Joined in this order to one script.
const SCRIPTS: [&str; 4] =
    [shell::BASE, include_str!("page/flow.js"), include_str!("page/sections.js"), include_str!("page/compare.js")];

/// Most flows that a page lists, over all levels: a flow takes about 15 bytes.
const MOST_FLOWS: usize = 90_000;

/// How many flows of each level [`of`] can show.
pub fn flows_of_level(levels: usize) -> usize {
    (MOST_FLOWS / levels.max(1)).min(30_000)
}

/// The HTML of the page. `flows` has an entry per level of the comparison; `None` where the clusterings were not compared.
/// `check_stop` is called between pictures.
///
/// # Errors
/// The error of `check_stop`. An image that can't be read leaves its place empty.
pub fn of(
    pair: &Pair,
    comparison: &Comparison,
    flows: &[Option<Flow>],
    check_stop: &(dyn Fn() -> Result<()> + Sync),
) -> Result<String> {
    let mut pictures = Pictures::of(pair, comparison);
    let data = shell::in_script(&data::of(pair, comparison, flows, &pictures));
    pictures.embed(data.len() as u64, check_stop)?;
    let images = shell::in_script(&pictures.as_json());
    let title = format!("{} and {} – clustrata", comparison.a.folder.display(), comparison.b.folder.display());
    Ok(shell::page(&Content {
        title: &title,
        sources: "",
        styles: &[shell::STYLE, include_str!("page/compare.css")],
        panel: "",
        fallback: "`clustrata compare` prints the same, and writes it as JSON and CSV with --out.",
        templates: "",
        data: &data,
        images: &images,
        scripts: &SCRIPTS,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_never_parse_text_as_html() {
        for script in SCRIPTS {
            assert_eq!(shell::forbidden_in(script), None);
        }
    }

    #[test]
    fn levels_share_the_flows_of_a_page() {
        assert_eq!([0, 1, 3, 9, 100].map(flows_of_level), [30_000, 30_000, 30_000, 10_000, 900]);
    }
}
