//! log.txt: messages, kept in memory until the output folder is known.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing_subscriber::fmt::MakeWriter;

/// A log whose file can be attached later. Clones write to the same log.
#[derive(Debug, Clone, Default)]
pub struct LogFile(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    early: Vec<u8>,
    file: Option<File>,
}

impl LogFile {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes to `path` from now on, beginning with the messages so far.
    ///
    /// # Errors
    /// If the file can't be created.
    pub fn attach(&self, path: &Path) -> io::Result<()> {
        let mut file = File::create(path)?;
        let mut state = self.lock();
        file.write_all(&state.early)?;
        state.early.clear();
        state.file = Some(file);
        Ok(())
    }

    /// Closes the file, so that it can be moved or removed on every system.
    pub fn detach(&self) {
        self.lock().file = None;
    }
}

impl Write for LogFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.lock();
        match &mut state.file {
            // a full disk must not stop a message from reaching the screen
            Some(file) => drop(file.write_all(bytes)),
            None => state.early.extend_from_slice(bytes),
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for LogFile {
    type Writer = LogFile;

    fn make_writer(&'a self) -> LogFile {
        self.clone()
    }
}
