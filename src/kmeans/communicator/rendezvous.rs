//! How the processes of a communicator find each other.
//!
//! Rank 0 listens on a port and writes its address and a random token to a file in a shared folder. The other ranks read the
//! file and connect. A stale file does no harm: nobody listens at its address, or the listener expects another token.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::lost::lost;
use crate::base::error::{Error, Finding, Result};
use crate::base::numeric::to_u32;
use crate::formats::atomic_file::AtomicFile;

/// How long processes wait for each other at the start. The nodes of an allocation start within seconds, container images
/// within minutes.
const TIMEOUT: Duration = Duration::from_secs(600);
/// Bytes of the token and of the fingerprint.
const TOKEN: usize = 32;

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
}

impl Rendezvous<'_> {
    fn file(&self) -> PathBuf {
        self.folder.join("team")
    }

    /// Rank 0: waits for the other ranks. Returns their connections in rank order.
    pub(super) fn host(&self, cancelled: &dyn Fn() -> bool) -> Result<Vec<TcpStream>> {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).map_err(|e| lost(&e))?;
        listener.set_nonblocking(true).map_err(|e| lost(&e))?;
        let token = random_token();
        self.announce(&listener, &token)
            .map_err(|e| Error::io("can't write the address for the other processes", &self.file(), &e))?;
        let removed = RemoveOnDrop(self.file());
        let streams = self.gather(&token, || listener.accept().map(|(stream, _)| stream), cancelled)?;
        drop(removed);
        Ok(streams)
    }

    /// Takes connections from `accept` until all other ranks have connected. Returns them in rank order.
    fn gather(
        &self,
        token: &[u8; TOKEN],
        mut accept: impl FnMut() -> io::Result<TcpStream>,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Vec<TcpStream>> {
        let mut streams: Vec<Option<TcpStream>> = (1..self.size).map(|_| None).collect();
        let started = Instant::now();
        let mut failed = String::new();
        while streams.iter().any(Option::is_none) {
            match accept() {
                Ok(stream) => {
                    if let Some((rank, stream)) = self.greet(stream, token)? {
                        streams[rank - 1] = Some(stream);
                    }
                    continue;
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => {}
                // A connection that ended at once, or too many open files, says nothing about the next connection.
                Err(e) => failed = format!("; a connection failed: {e}"),
            }
            wait(started, cancelled, || {
                let missing = streams.iter().filter(|stream| stream.is_none()).count();
                format!("{missing} of {} did not connect{failed}", self.size)
            })?;
        }
        Ok(streams.into_iter().flatten().collect())
    }

    fn announce(&self, listener: &TcpListener, token: &[u8; TOKEN]) -> io::Result<()> {
        let port = listener.local_addr()?.port();
        let host = gethostname::gethostname();
        let mut file = AtomicFile::create(&self.file())?;
        private(file.unfinished_path())?;
        writeln!(file, "{}:{port} {}", host.to_string_lossy(), hex(token))?;
        file.commit()
    }

    /// Checks a new connection. A stranger is ignored; a process with other settings ends the rendezvous.
    fn greet(&self, mut stream: TcpStream, token: &[u8; TOKEN]) -> Result<Option<(usize, TcpStream)>> {
        let mut hello = [0; 2 * TOKEN + 8];
        let read = stream.set_nonblocking(false).and_then(|()| stream.set_read_timeout(Some(Duration::from_secs(5))));
        if read.and_then(|()| stream.read_exact(&mut hello)).is_err() || hello[..TOKEN] != token[..] {
            return Ok(None);
        }
        let numbers = &hello[2 * TOKEN..];
        let rank = u32::from_le_bytes([numbers[0], numbers[1], numbers[2], numbers[3]]) as usize;
        let size = u32::from_le_bytes([numbers[4], numbers[5], numbers[6], numbers[7]]) as usize;
        let matches = hello[TOKEN..2 * TOKEN] == self.fingerprint && size == self.size && (1..size).contains(&rank);
        // the other process reports the error as well
        let _ = stream.write_all(&[u8::from(matches)]);
        if !matches {
            return Err(disagreement());
        }
        Ok(Some((rank, stream)))
    }

    /// Other ranks: tries to connect to rank 0 until it succeeds.
    pub(super) fn connect(&self, cancelled: &dyn Fn() -> bool) -> Result<TcpStream> {
        let started = Instant::now();
        loop {
            if let Some(stream) = self.try_connect()? {
                return Ok(stream);
            }
            wait(started, cancelled, || {
                format!("rank 0 has not written {}, or can't be reached", self.file().display())
            })?;
        }
    }

    fn try_connect(&self) -> Result<Option<TcpStream>> {
        let Ok(text) = std::fs::read_to_string(self.file()) else { return Ok(None) };
        let Some((address, token)) = text.trim().split_once(' ') else { return Ok(None) };
        let local = gethostname::gethostname();
        let port = address.strip_prefix(&*local.to_string_lossy()).and_then(|rest| rest.strip_prefix(':'));
        // a host may be unable to resolve its own name
        let address = port.map_or_else(|| address.to_owned(), |port| format!("127.0.0.1:{port}"));
        let Some(mut stream) = reach(&address) else { return Ok(None) };
        let mut hello = unhex(token);
        hello.extend(self.fingerprint);
        let number = |number: usize| to_u32(number).to_le_bytes();
        hello.extend(number(self.rank));
        hello.extend(number(self.size));
        let mut answer = [0];
        // another program may listen there by now; it may answer nothing, or anything
        let timeout = Some(Duration::from_secs(5));
        if stream.set_read_timeout(timeout).and_then(|()| stream.set_write_timeout(timeout)).is_err() {
            return Ok(None);
        }
        match stream.write_all(&hello).and_then(|()| stream.read_exact(&mut answer)) {
            Ok(()) if answer == [1] => Ok(Some(stream)),
            Ok(()) if answer == [0] => Err(disagreement()),
            _ => Ok(None),
        }
    }
}

fn reach(address: &str) -> Option<TcpStream> {
    let mut addresses = address.to_socket_addrs().ok()?;
    addresses.find_map(|address| TcpStream::connect_timeout(&address, Duration::from_secs(5)).ok())
}

fn wait(started: Instant, cancelled: &dyn Fn() -> bool, missing: impl Fn() -> String) -> Result<()> {
    if cancelled() {
        return Err(Error::interrupted());
    }
    if started.elapsed() > TIMEOUT {
        return Err(Error::failed(
            Finding::new("the processes of this k-means did not meet")
                .expected("all of them within 10 minutes")
                .found(missing())
                .hint("start all N of --shard I/N at the same time, with the same settings and output folder"),
        ));
    }
    std::thread::sleep(Duration::from_millis(20));
    Ok(())
}

fn disagreement() -> Error {
    Error::usage(
        Finding::new("the processes of this k-means do not agree")
            .expected("the same settings, inputs, program and N for all, and each I once")
            .hint("start all N of --shard I/N with the same configuration"),
    )
}

/// A token that nobody can guess: the standard library seeds its maps from the system's random numbers.
fn random_token() -> [u8; TOKEN] {
    let mut token = [0; TOKEN];
    for part in token.as_chunks_mut::<8>().0 {
        *part = RandomState::new().hash_one(std::process::id()).to_le_bytes();
    }
    token
}

/// Removes the file once all processes have connected.
struct RemoveOnDrop(PathBuf);

impl Drop for RemoveOnDrop {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A malformed token decodes to one that no host accepts.
fn unhex(text: &str) -> Vec<u8> {
    (0..TOKEN)
        .map(|at| text.get(2 * at..2 * at + 2).and_then(|two| u8::from_str_radix(two, 16).ok()).unwrap_or(0))
        .collect()
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
        let meet = |rank| Rendezvous { folder: folder.path(), rank, size: 2, fingerprint: [7; TOKEN] };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let token = random_token();
        let mut errors = vec![
            io::Error::from(ErrorKind::ConnectionAborted),
            io::Error::from(ErrorKind::ConnectionReset),
            io::Error::from(ErrorKind::Interrupted),
            io::Error::from_raw_os_error(24),
        ];
        let address = format!("{} {}", listener.local_addr().expect("bound"), hex(&token));
        std::fs::write(meet(1).file(), address).expect("written");
        std::thread::scope(|scope| {
            let other = scope.spawn(|| meet(1).connect(&|| false).map(drop));
            let accept = || errors.pop().map_or_else(|| listener.accept().map(|(stream, _)| stream), Err);
            assert_eq!(meet(0).gather(&token, accept, &|| false).expect("they meet").len(), 1);
            other.join().expect("no panic").expect("they meet");
        });
    }
}
