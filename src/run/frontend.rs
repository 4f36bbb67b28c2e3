//! What a run needs of the program around it.

use std::io;
use std::path::Path;

use crate::base::terminal::Terminal;
use crate::engine::progress::Progress;

/// Shows progress and keeps the log: the console, or whatever a library user puts in its place.
pub trait Frontend: Progress {
    /// Copies every message from here on to `path`, beginning with the messages so far.
    ///
    /// # Errors
    /// Where the file can't be created.
    fn attach_log(&self, path: &Path) -> io::Result<()>;
    /// Closes the log file, so that it can be moved or removed on every system.
    fn detach_log(&self);
    /// The terminal that results go to; `None` for a file or a pipe.
    fn terminal(&self) -> Option<Terminal> {
        None
    }
}
