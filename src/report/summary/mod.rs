//! The summary printed at the end of a run.
//!
//! | module | what it prints |
//! |---|---|
//! | `table` | aligned tables |
//! | `levels` | the metrics of the levels, one way round or the other |
//! | `ranking` | the best and worst clusters |
//! | `findings` | the verdict |

mod findings;
pub(crate) mod levels;
mod ranking;
mod table;

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::base::path_text::file_url;
use crate::base::terminal::Terminal;
use crate::base::text::counted;
use crate::plan::record::{Level, RunRecord};
use crate::report::findings as rules;
pub(crate) use table::figure;
pub use table::table;

/// What the summary says beyond the record.
#[derive(Debug, Clone, Copy)]
pub struct Ending<'a> {
    /// The output folder.
    pub out: &'a Path,
    /// How long the run took; `None` if it was complete already.
    pub took: Option<Duration>,
    /// Where it is printed; `None` for a file or a pipe.
    pub terminal: Option<Terminal>,
}

/// The levels as a table, the rankings, the findings, and where the files are.
pub fn of_run(record: &RunRecord, ending: &Ending<'_>) -> String {
    let mut text = if ending.took.is_none() { "complete already\n".to_owned() } else { String::new() };
    text += &levels::table_of(record, ending.terminal.map(|terminal| terminal.columns));
    text += &findings::lines(&rules::known(record), ending.terminal.is_some_and(|terminal| terminal.colours));
    for level in &record.levels {
        text += "\n";
        text += &ranking::line(level);
    }
    if let Some(stage) = record.stages.iter().find(|stage| stage.name == "evaluate") {
        let rate = stage.bytes_per_second.map_or(String::new(), |b| format!(" at {:.2} GB/s", b / 1e9));
        let device = &record.device;
        let _ = write!(text, "\ndistances took {:.3} s{rate} on {} [{}]", stage.seconds, device.name, device.kind);
    }
    let montages: usize = record.levels.iter().map(|level| level.montages.len()).sum();
    let pictures =
        if montages > 0 { format!(", {} in level*/montages", counted(montages, "montage")) } else { String::new() };
    let _ = write!(
        text,
        "\nwritten to {}: report.html, levels.csv, level*/clusters.csv, record.json{pictures}",
        ending.out.display()
    );
    let took = ending.took.map_or(String::new(), |took| format!(" (the run took {})", duration(took)));
    let _ = write!(text, "\nreport: {}{took}", file_url(&ending.out.join("report.html")));
    text
}

/// The same as JSON: all metrics, rankings and findings, and where the files are.
pub fn as_json(record: &RunRecord, out: &Path) -> Value {
    let level = |level: &Level| {
        serde_json::json!({
            "level": level.level,
            "figures": level.figures,
            "undefined": level.undefined,
            "ranking": level.ranking,
            "montages": level.montages.iter().map(|montage| &montage.path).collect::<Vec<_>>(),
        })
    };
    serde_json::json!({
        "out": out,
        "device": record.device,
        "levels": record.levels.iter().map(level).collect::<Vec<_>>(),
        "findings": rules::known(record),
        "stages": record.stages,
        "skipped_rows": record.skipped_rows,
        "warnings": record.warnings,
    })
}

/// `0.82 s`, `12.3 s`, `1h 12m 3s`.
fn duration(took: Duration) -> String {
    match took.as_secs_f64() {
        seconds if seconds < 10.0 => format!("{seconds:.2} s"),
        seconds if seconds < 100.0 => format!("{seconds:.1} s"),
        _ => humantime::format_duration(Duration::from_secs(took.as_secs())).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_three_digits_or_whole_seconds() {
        let texts = [0.8234, 12.34, 4323.9].map(|seconds| duration(Duration::from_secs_f64(seconds)));
        assert_eq!(texts, ["0.82 s", "12.3 s", "1h 12m 3s"]);
    }
}
