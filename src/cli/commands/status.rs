//! `clustrata status`: the state of a submitted run, or of a sweep.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use super::answer::Answer;
use crate::base::error::Result;
use crate::base::signals;
use crate::base::time;
use crate::batch::slurm::{Overview, Standing};
use crate::cli::args::StatusArgs;

pub(super) fn run(args: &StatusArgs) -> Result<Answer> {
    match args.watch {
        Some(seconds) => watch(args, Duration::from_secs(seconds.get())),
        None => {
            let overview = Overview::of(&args.folder)?;
            Ok(Answer { text: text(args, &overview)?, exit_code: overview.standing().exit_code() })
        }
    }
}

fn text(args: &StatusArgs, overview: &Overview) -> Result<String> {
    if args.json {
        overview.json()
    } else if args.report {
        overview.account(&args.folder)
    } else {
        overview.text(&args.folder)
    }
}

/// Shows the state again and again until nothing runs or waits: on a terminal in place, else (in a file) the lines that changed.
fn watch(args: &StatusArgs, every: Duration) -> Result<Answer> {
    let redraws = std::io::stdout().is_terminal();
    let mut shown = String::new();
    loop {
        let overview = Overview::of(&args.folder)?;
        let (now, standing) = (text(args, &overview)?, overview.standing());
        if standing != Standing::Active {
            return Ok(Answer { text: now, exit_code: standing.exit_code() });
        }
        let changes = if redraws { format!("\x1b[H\x1b[2J{now}") } else { changed(&shown, &now) };
        if now != shown {
            // a closed pipe ends the watch at the next signal or the end of the jobs
            let _ = writeln!(std::io::stdout(), "{changes}");
            shown = now;
        }
        wait(every)?;
    }
}

/// The lines that were not there before, after the time; all of them at first.
fn changed(before: &str, now: &str) -> String {
    // a table may have become wider
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let known: Vec<String> = before.lines().map(words).collect();
    let new = now.lines().filter(|line| !line.is_empty() && !known.contains(&words(line)));
    std::iter::once(time::now().as_str()).chain(new).collect::<Vec<_>>().join("\n")
}

/// Sleeps, but ends at once after Ctrl-C.
fn wait(time: Duration) -> Result<()> {
    let start = Instant::now();
    while start.elapsed() < time {
        signals::go_on()?;
        std::thread::sleep(Duration::from_millis(100).min(time));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::changed;

    #[test]
    fn only_what_changed_is_said_again() {
        let lines =
            |before: &str, now: &str| changed(before, now).lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(lines("", "a queued\n\nb queued"), ["a queued", "b queued"]);
        assert_eq!(lines("a queued\n\nb queued", "a running\n\nb   queued"), ["a running"]);
    }
}
