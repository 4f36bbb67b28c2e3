//! Output during a run: messages on standard error and in log.txt, and progress.

mod log;
mod progress;
pub mod terminal;

use std::io::{self, IsTerminal};
use std::path::Path;

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use crate::base::terminal::Terminal;
use crate::cli::args::Verbosity;
use crate::engine::progress::{Progress, StageProgress};
use crate::run::frontend::Frontend;
pub use log::LogFile;
use progress::Bar;

/// Where messages and progress go.
#[derive(Debug, Clone)]
pub struct Console {
    /// Collects messages until the path of log.txt is known.
    pub log: LogFile,
    quiet: bool,
}

impl Console {
    /// Sets up messages for the whole process. Call it once.
    pub fn install(verbosity: &Verbosity) -> Self {
        let level = match (verbosity.quiet, verbosity.verbose) {
            (true, _) => LevelFilter::WARN,
            (_, true) => LevelFilter::DEBUG,
            _ => LevelFilter::INFO,
        };
        // A failure in a library comes back to us as an error value. wgpu also logs an error for every attempt that it gives
        // up, even if a later one succeeds, so the screen shows errors of libraries only with --verbose.
        let libraries = if verbosity.verbose { LevelFilter::ERROR } else { LevelFilter::OFF };
        let filter = || own(level, libraries);
        let log = LogFile::default();
        let file = fmt::layer()
            .with_ansi(false)
            .with_target(false)
            .with_writer(log.clone())
            .with_filter(own(LevelFilter::DEBUG, LevelFilter::ERROR));
        let terminal = std::io::stderr().is_terminal();
        let screen = fmt::layer().with_writer(std::io::stderr).with_ansi(terminal).with_target(false);
        let screen = match (verbosity.json_log, terminal) {
            (true, _) => screen.json().with_filter(filter()).boxed(),
            // on a terminal, messages are read at once; a Slurm log is read later and needs the time
            (_, true) => screen.without_time().compact().with_filter(filter()).boxed(),
            _ => screen.compact().with_filter(filter()).boxed(),
        };
        // a second subscriber (in tests) changes nothing
        let _ = tracing_subscriber::registry().with(file).with(screen).try_init();
        Console { log, quiet: verbosity.quiet }
    }
}

impl Progress for Console {
    fn start_stage(&self, stage: &'static str, total: u64, unit_bytes: u64) -> Box<dyn StageProgress + '_> {
        Box::new(Bar::new(stage, total, unit_bytes, self.quiet))
    }

    fn cancelled(&self) -> bool {
        crate::base::signals::requested()
    }
}

impl Frontend for Console {
    fn attach_log(&self, path: &Path) -> io::Result<()> {
        self.log.attach(path)
    }

    fn detach_log(&self) {
        self.log.detach();
    }

    fn terminal(&self) -> Option<Terminal> {
        terminal::of_results()
    }
}

/// Our own messages at `level`, those of libraries at `libraries`.
fn own(level: LevelFilter, libraries: LevelFilter) -> tracing_subscriber::filter::Targets {
    tracing_subscriber::filter::Targets::new().with_default(libraries).with_target("clustrata", level)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Level;

    #[test]
    fn errors_of_libraries_are_for_the_log() {
        let (screen, log) = (own(LevelFilter::INFO, LevelFilter::OFF), own(LevelFilter::DEBUG, LevelFilter::ERROR));
        for target in ["wgpu_hal::dx12::device", "wgpu_core", "naga"] {
            assert!(!screen.would_enable(target, &Level::ERROR), "{target}");
            assert!(log.would_enable(target, &Level::ERROR) && !log.would_enable(target, &Level::WARN), "{target}");
        }
        assert!(screen.would_enable("clustrata::run", &Level::INFO));
    }
}
