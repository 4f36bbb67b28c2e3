//! `report.html`: an interactive page about a run that needs neither a network nor other files.
//!
//! The page is made from the record and the pictures that it names, so it can be made again at any time. Data go into it as
//! JSON; `page/` holds its HTML, CSS and scripts. Text from outside (file names, captions) is treated as data throughout:
//! scripts set it as text, and the content security policy lets nothing else run or load.
//!
//! | module | what it knows |
//! |---|---|
//! | `data` | which part of the record the page gets |
//! | `distributions` | histograms, in the page and as files |
//! | `convergence` | the chart of the k-means objective, if it is known |
//! | `chosen` | which images of which clusters are shown, the most important first |
//! | `pictures` | which pictures fit, and where they are stored |
//! | `assemble` | the page from its parts |
//! | `shell` | what all pages share: frame, policy, style, text |
//! | `write` | the files of a report |

mod assemble;
mod chosen;
mod convergence;
mod data;
mod distributions;
mod pictures;
pub(crate) mod shell;
mod write;

pub use pictures::Pictures;
pub use write::write;
