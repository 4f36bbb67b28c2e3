//! Progress: a bar on a terminal, a line every 30 s where there is none (a Slurm log).

use std::io::IsTerminal;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::evaluate::Watch;
use crate::metrics::as_real;

/// Between two lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(30);

/// Counts rows and tells of them.
pub struct Progress {
    what: &'static str,
    rows: u64,
    row_bytes: u64,
    done: AtomicU64,
    started: Instant,
    last_line: Mutex<Instant>,
    bar: ProgressBar,
}

impl Progress {
    pub(super) fn new(what: &'static str, rows: u64, row_bytes: u64, quiet: bool) -> Self {
        let bar = ProgressBar::new(rows);
        if quiet || !std::io::stderr().is_terminal() {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        } else {
            let template = "{prefix} [{bar:32}] {percent:>3}% {human_pos}/{human_len} rows {msg} left {eta}";
            bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_prefix(what);
        }
        let now = Instant::now();
        Progress { what, rows, row_bytes, done: AtomicU64::new(0), started: now, last_line: Mutex::new(now), bar }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn line(&self, done: u64) {
        let Ok(mut last) = self.last_line.try_lock() else { return };
        if last.elapsed() < LINE_EVERY {
            return;
        }
        *last = Instant::now();
        let share = as_real(done) / as_real(self.rows.max(1));
        let elapsed = self.started.elapsed();
        let left = Duration::from_secs_f64((elapsed.as_secs_f64() * (1.0 - share) / share).max(0.0));
        tracing::info!(
            "{}: {} of {} rows ({:.1} %), {}, about {} left",
            self.what,
            HumanCount(done),
            HumanCount(self.rows),
            100.0 * share,
            self.rate(done),
            humantime::format_duration(Duration::from_secs(left.as_secs())),
        );
    }

    fn rate(&self, done: u64) -> String {
        let seconds = self.started.elapsed().as_secs_f64().max(1e-9);
        let rows = as_real(done) / seconds;
        format!("{:.3} M rows/s, {:.2} GB/s", rows / 1e6, rows * as_real(self.row_bytes) / 1e9)
    }
}

impl Watch for Progress {
    fn advance(&self, rows: u64) {
        let done = self.done.fetch_add(rows, Ordering::Relaxed) + rows;
        if self.bar.is_hidden() {
            self.line(done);
        } else {
            self.bar.set_message(self.rate(done));
            self.bar.set_position(done);
        }
    }

    fn cancelled(&self) -> bool {
        crate::interrupt::requested()
    }
}
