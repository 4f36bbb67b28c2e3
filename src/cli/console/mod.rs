//! Output during a run: messages on standard error and in log.txt, and progress.

mod log;
mod progress;

use std::io::{self, IsTerminal};
use std::path::Path;

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

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
        let log = LogFile::default();
        let file = fmt::layer()
            .with_ansi(false)
            .with_target(false)
            .with_writer(log.clone())
            .with_filter(own(LevelFilter::DEBUG));
        let terminal = std::io::stderr().is_terminal();
        let screen = fmt::layer().with_writer(std::io::stderr).with_ansi(terminal).with_target(false);
        let screen = match (verbosity.json_log, terminal) {
            (true, _) => screen.json().with_filter(own(level)).boxed(),
            // on a terminal, messages are read at once; a Slurm log is read later and needs the time
            (_, true) => screen.without_time().compact().with_filter(own(level)).boxed(),
            _ => screen.compact().with_filter(own(level)).boxed(),
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
}

/// Our own messages at `level`; errors only of libraries.
fn own(level: LevelFilter) -> tracing_subscriber::filter::Targets {
    let libraries = LevelFilter::ERROR.min(level);
    tracing_subscriber::filter::Targets::new().with_default(libraries).with_target("clustrata", level)
}
