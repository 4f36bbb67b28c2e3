//! How the processes of a communicator find each other.
//!
//! Rank 0 listens on a port and writes its address and a random token to a file in a shared folder. The other ranks read the
//! file, connect, and say where they listen themselves. Once all have come, rank 0 tells everyone where the others listen,
//! and each rank connects to those before it. A stale file does no harm: nobody listens at its address, or the listener
//! expects another token.

use std::io::{self, ErrorKind, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::address::{Listeners, reach};
use super::greeting::{Answer, Hello, TOKEN, answer, hex, random_token, read_text, unhex, write_text};
use crate::base::error::{Error, Finding, Result};
use crate::formats::atomic_file::AtomicFile;

/// How long processes wait for each other at the start. The nodes of an allocation start within seconds, container images
/// within minutes.
const TIMEOUT: Duration = Duration::from_secs(600);

/// Where the processes meet, and which process this is.
pub struct Rendezvous<'a> {
    /// A folder that all processes share.
    pub folder: &'a Path,
    /// Rank of this process, from 0.
    pub rank: usize,
    /// Number of processes.
    pub size: usize,
    /// Fingerprint of settings and inputs. It must be the same for all processes.
    pub fingerprint: [u8; TOKEN],
    /// The network interface on which to listen: its name or its address. `None` for all.
    pub interface: Option<&'a str>,
}

/// The connections to the other processes, by rank; `None` for this one.
pub(super) type Streams = Vec<Option<TcpStream>>;

impl Rendezvous<'_> {
    /// Waits for all other processes, and connects to them.
    pub(super) fn meet(&self, cancelled: &dyn Fn() -> bool) -> Result<Streams> {
        let meeting =
            Meeting { of: self, cancelled, listeners: Listeners::open(self.interface)?, started: Instant::now() };
        if self.rank == 0 { meeting.host() } else { meeting.join() }
    }

    fn file(&self) -> PathBuf {
        self.folder.join("team")
    }
}

/// A rendezvous that has begun.
struct Meeting<'a> {
    of: &'a Rendezvous<'a>,
    cancelled: &'a dyn Fn() -> bool,
    listeners: Listeners,
    started: Instant,
}

impl Meeting<'_> {
    /// Rank 0: waits for the other ranks, and tells each where the others listen.
    fn host(&self) -> Result<Streams> {
        let file = self.of.file();
        let token = random_token();
        self.announce(&token).map_err(|e| Error::io("can't write the address for the other processes", &file, &e))?;
        let removed = RemoveOnDrop(file);
        let (mut streams, announced) = self.gather(1, &token, || self.listeners.accept())?;
        drop(removed);
        let table = announced.join(" ");
        for stream in streams.iter_mut().flatten() {
            write_text(stream, &table).map_err(|_| self.missing("a process left before all had come"))?;
        }
        Ok(streams)
    }

    /// Other ranks: connects to rank 0, then to the ranks between, and waits for those after.
    fn join(&self) -> Result<Streams> {
        let file = self.of.file();
        let (mut first, token) = loop {
            if let Some(found) = self.try_first(&file)? {
                break found;
            }
            self.wait(|| format!("rank 0 has not written {}, or can't be reached", file.display()))?;
        };
        let table = self.table(&mut first)?;
        let mut before = vec![first];
        for (rank, announced) in table.split(' ').enumerate().take(self.of.rank).skip(1) {
            before.push(self.reach_rank(rank, announced, token)?);
        }
        let (mut streams, _) = self.gather(self.of.rank + 1, &token, || self.listeners.accept())?;
        streams.iter_mut().zip(before).for_each(|(to, stream)| *to = Some(stream));
        Ok(streams)
    }

    /// Takes connections from `accept` until all ranks from `first` on have connected. Returns them and what they announced, by rank.
    fn gather(
        &self,
        first: usize,
        token: &[u8; TOKEN],
        mut accept: impl FnMut() -> io::Result<TcpStream>,
    ) -> Result<(Streams, Vec<String>)> {
        let size = self.of.size;
        let mut streams: Streams = (0..size).map(|_| None).collect();
        let mut announced = vec!["-".to_owned(); size];
        let mut failed = String::new();
        while streams.iter().skip(first).any(Option::is_none) {
            match accept() {
                Ok(stream) => {
                    if let Some((hello, stream)) = self.greet(first, stream, token)? {
                        streams[hello.rank] = Some(stream);
                        announced[hello.rank] = hello.announced;
                    }
                    continue;
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => {}
                // A connection that ended at once, or too many open files, says nothing about the next connection.
                Err(e) => failed = format!("; a connection failed: {e}"),
            }
            self.wait(|| {
                let missing = streams.iter().skip(first).filter(|stream| stream.is_none()).count();
                format!("{missing} of {size} did not connect{failed}")
            })?;
        }
        Ok((streams, announced))
    }

    fn announce(&self, token: &[u8; TOKEN]) -> io::Result<()> {
        let mut file = AtomicFile::create(&self.of.file())?;
        private(file.unfinished_path())?;
        writeln!(file, "{} {}", self.listeners.announced(), hex(token))?;
        file.commit()
    }

    /// Checks a new connection. A stranger is ignored; a process with other settings ends the rendezvous.
    fn greet(&self, first: usize, mut stream: TcpStream, token: &[u8; TOKEN]) -> Result<Option<(Hello, TcpStream)>> {
        let Some(hello) = Hello::hear(&mut stream, token) else { return Ok(None) };
        let agrees = hello.fingerprint == self.of.fingerprint && hello.size == self.of.size;
        let welcome = agrees && (first..self.of.size).contains(&hello.rank);
        // the other process reports a disagreement as well
        let confirmed = answer(&mut stream, welcome);
        if !welcome {
            return Err(disagreement());
        }
        Ok(confirmed.then_some((hello, stream)))
    }

    /// Tries to connect to rank 0. Returns the connection and the token.
    fn try_first(&self, file: &Path) -> Result<Option<(TcpStream, [u8; TOKEN])>> {
        let Ok(text) = std::fs::read_to_string(file) else { return Ok(None) };
        let Some((announced, token)) = text.trim().split_once(' ') else { return Ok(None) };
        let token = unhex(token);
        Ok(self.try_rank(announced, token)?.map(|stream| (stream, token)))
    }

    fn reach_rank(&self, rank: usize, announced: &str, token: [u8; TOKEN]) -> Result<TcpStream> {
        loop {
            if let Some(stream) = self.try_rank(announced, token)? {
                return Ok(stream);
            }
            self.wait(|| format!("rank {rank} can't be reached at {announced}"))?;
        }
    }

    fn try_rank(&self, announced: &str, token: [u8; TOKEN]) -> Result<Option<TcpStream>> {
        let Some(mut stream) = reach(announced) else { return Ok(None) };
        let Rendezvous { rank, size, fingerprint, .. } = *self.of;
        let hello = Hello { token, fingerprint, rank, size, announced: self.listeners.announced() };
        match hello.say(&mut stream) {
            Answer::Welcome => Ok(Some(stream)),
            Answer::Refused => Err(disagreement()),
            // another program may listen there by now
            Answer::Stranger => Ok(None),
        }
    }

    /// Where all ranks listen. It comes once all are there.
    fn table(&self, first: &mut TcpStream) -> Result<String> {
        let mut byte = [0];
        while let Err(e) = first.peek(&mut byte) {
            match e.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => {
                    self.wait(|| "not all processes have connected to rank 0".to_owned())?;
                }
                _ => return Err(self.missing("rank 0 ended")),
            }
        }
        read_text(first).map_err(|_| self.missing("rank 0 ended; see its output"))
    }

    fn wait(&self, missing: impl Fn() -> String) -> Result<()> {
        if (self.cancelled)() {
            return Err(Error::interrupted());
        }
        if self.started.elapsed() > TIMEOUT {
            return Err(self.missing(&missing()));
        }
        std::thread::sleep(Duration::from_millis(20));
        Ok(())
    }

    fn missing(&self, found: &str) -> Error {
        Error::failed(
            Finding::new("the processes of this k-means did not meet")
                .expected("all of them within 10 minutes")
                .found(found)
                .hint(
                    "start all N of --shard I/N at the same time, with the same settings and output folder; if a machine has \
                     several networks, name the one that reaches all with --interface",
                ),
        )
    }
}

fn disagreement() -> Error {
    Error::usage(
        Finding::new("the processes of this k-means do not agree")
            .expected("the same settings, inputs, program and N for all, and each I once")
            .hint("start all N of --shard I/N with the same configuration"),
    )
}

/// Removes the file once all processes have connected.
struct RemoveOnDrop(PathBuf);

impl Drop for RemoveOnDrop {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Only this user may read the token.
#[cfg(unix)]
fn private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
}

#[cfg(not(unix))]
fn private(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_single_connections_do_not_end_the_rendezvous() {
        let folder = tempfile::tempdir().expect("a folder");
        let meet = |rank| Rendezvous {
            folder: folder.path(),
            rank,
            size: 2,
            fingerprint: [7; TOKEN],
            interface: Some("127.0.0.1"),
        };
        let (host, guest) = (meet(0), meet(1));
        let begun = |of| {
            let listeners = Listeners::open(Some("127.0.0.1")).expect("a port");
            Meeting { of, cancelled: &|| false, listeners, started: Instant::now() }
        };
        let mut errors = vec![
            io::Error::from(ErrorKind::ConnectionAborted),
            io::Error::from(ErrorKind::ConnectionReset),
            io::Error::from(ErrorKind::Interrupted),
            io::Error::from_raw_os_error(24),
        ];
        let token = random_token();
        let hosting = begun(&host);
        hosting.announce(&token).expect("written");
        std::thread::scope(|scope| {
            let other = scope.spawn(|| begun(&guest).try_first(&guest.file()).map(|found| found.is_some()));
            let accept = || errors.pop().map_or_else(|| hosting.listeners.accept(), Err);
            let (streams, announced) = hosting.gather(1, &token, accept).expect("they meet");
            assert!(streams[0].is_none() && streams[1].is_some() && announced[1].starts_with("127.0.0.1:"));
            assert!(other.join().expect("no panic").expect("they meet"));
        });
        assert!(errors.is_empty(), "all errors were met");
    }
}
