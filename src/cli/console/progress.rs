//! Progress: a bar on a terminal, otherwise (in a Slurm log) a line every 30 s.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::base::numeric::as_real;
use crate::engine::progress::StageProgress;

/// Interval between two lines if there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(30);

/// Counts and shows the progress of a stage. Dropping it removes the bar.
pub(super) struct Bar {
    stage: &'static str,
    total: u64,
    unit_bytes: u64,
    done: AtomicU64,
    started: Instant,
    last_line: Mutex<Instant>,
    bar: ProgressBar,
}

impl Bar {
    pub(super) fn new(stage: &'static str, total: u64, unit_bytes: u64, quiet: bool) -> Self {
        let bar = ProgressBar::new(total);
        if quiet || !std::io::stderr().is_terminal() {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        } else {
            let template = "{prefix} [{bar:32}] {percent:>3}% {human_pos}/{human_len} {msg} left {eta}";
            bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_prefix(stage);
        }
        let now = Instant::now();
        Bar { stage, total, unit_bytes, done: AtomicU64::new(0), started: now, last_line: Mutex::new(now), bar }
    }

    fn line(&self, done: u64) {
        let Ok(mut last) = self.last_line.try_lock() else { return };
        // without progress, there is no rate to estimate the remaining time from
        if done == 0 || last.elapsed() < LINE_EVERY {
            return;
        }
        *last = Instant::now();
        let share = as_real(done) / as_real(self.total.max(1));
        let elapsed = self.started.elapsed();
        let left = Duration::from_secs_f64((elapsed.as_secs_f64() * (1.0 - share) / share).max(0.0));
        tracing::info!(
            "{}: {} of {} ({:.1} %), {}, about {} left",
            self.stage,
            HumanCount(done),
            HumanCount(self.total),
            100.0 * share,
            self.rate(done),
            humantime::format_duration(Duration::from_secs(left.as_secs())),
        );
    }

    fn rate(&self, done: u64) -> String {
        let seconds = self.started.elapsed().as_secs_f64().max(1e-9);
        let units = as_real(done) / seconds;
        if self.unit_bytes == 0 {
            return if units < 1e5 { format!("{units:.1}/s") } else { format!("{:.3} M/s", units / 1e6) };
        }
        format!("{:.3} M rows/s, {:.2} GB/s", units / 1e6, units * as_real(self.unit_bytes) / 1e9)
    }
}

impl StageProgress for Bar {
    fn advance(&self, units: u64) {
        let done = self.done.fetch_add(units, Ordering::Relaxed) + units;
        if self.bar.is_hidden() {
            self.line(done);
        } else {
            self.bar.set_message(self.rate(done));
            self.bar.set_position(done);
        }
    }

    /// For log.txt, from which `status` tells how far a clustering has come.
    fn iteration(&self, done: u64, most: u64) {
        tracing::debug!("{}: iteration {done} of {most}", self.stage);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
