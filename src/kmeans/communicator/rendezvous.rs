//! How the members of a communicator find each other.
//!
//! The first member listens and writes where into a file of the folder that all see; the others read it and connect. A
//! file of an earlier team does no harm: nobody listens there, or who listens asks for a word that only the file of the day
//! has.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::tcp::lost;
use crate::base::error::{Error, Finding, Result};
use crate::formats::atomic_file::AtomicFile;

/// How long members wait for each other at the start: nodes of an allocation start within seconds, images within minutes.
const GATHERING: Duration = Duration::from_secs(600);
/// Bytes of the word and of what must agree, a hash each.
const WORD: usize = 32;

/// Where to meet, and as whom.
pub struct Rendezvous<'a> {
    /// A folder that all members see.
    pub folder: &'a Path,
    /// Which member this is, from 0 on.
    pub rank: usize,
    /// How many there are.
    pub size: usize,
    /// What must be the same for all: the hash of settings and inputs.
    pub agreement: [u8; WORD],
}

impl Rendezvous<'_> {
    fn file(&self) -> PathBuf {
        self.folder.join("team")
    }

    /// The first member waits for the others.
    pub(super) fn host(&self, cancelled: &dyn Fn() -> bool) -> Result<Vec<TcpStream>> {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).map_err(|e| lost(&e))?;
        listener.set_nonblocking(true).map_err(|e| lost(&e))?;
        let word = unforeseen();
        self.announce(&listener, &word).map_err(|e| Error::io("cannot write where to meet", &self.file(), &e))?;
        let removed = Removed(self.file());
        let mut members: Vec<Option<TcpStream>> = (1..self.size).map(|_| None).collect();
        let started = Instant::now();
        while members.iter().any(Option::is_none) {
            match listener.accept() {
                Ok((stream, _)) => {
                    if let Some((rank, stream)) = self.greet(stream, &word)? {
                        members[rank - 1] = Some(stream);
                    }
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => wait(started, cancelled, || {
                    let missing = members.iter().filter(|member| member.is_none()).count();
                    format!("{missing} of {} have not come", self.size)
                })?,
                Err(e) => return Err(lost(&e)),
            }
        }
        drop(removed);
        Ok(members.into_iter().flatten().collect())
    }

    fn announce(&self, listener: &TcpListener, word: &[u8; WORD]) -> io::Result<()> {
        let port = listener.local_addr()?.port();
        let host = gethostname::gethostname();
        let mut file = AtomicFile::create(&self.file())?;
        private(file.unfinished_path())?;
        writeln!(file, "{}:{port} {}", host.to_string_lossy(), hex(word))?;
        file.commit()
    }

    /// A stranger is sent away; a member with other settings ends the meeting.
    fn greet(&self, mut stream: TcpStream, word: &[u8; WORD]) -> Result<Option<(usize, TcpStream)>> {
        let mut hello = [0; 2 * WORD + 8];
        let read = stream.set_nonblocking(false).and_then(|()| stream.set_read_timeout(Some(Duration::from_secs(5))));
        if read.and_then(|()| stream.read_exact(&mut hello)).is_err() || hello[..WORD] != word[..] {
            return Ok(None);
        }
        let numbers = &hello[2 * WORD..];
        let rank = u32::from_le_bytes([numbers[0], numbers[1], numbers[2], numbers[3]]) as usize;
        let size = u32::from_le_bytes([numbers[4], numbers[5], numbers[6], numbers[7]]) as usize;
        let agrees = hello[WORD..2 * WORD] == self.agreement && size == self.size && (1..size).contains(&rank);
        // the other side tells its user, too
        let _ = stream.write_all(&[u8::from(agrees)]);
        if !agrees {
            return Err(disagreement());
        }
        Ok(Some((rank, stream)))
    }

    /// Every other member looks for the first until it is there.
    pub(super) fn connect(&self, cancelled: &dyn Fn() -> bool) -> Result<TcpStream> {
        let started = Instant::now();
        loop {
            if let Some(stream) = self.try_connect()? {
                return Ok(stream);
            }
            wait(started, cancelled, || {
                format!("the first has not written {}, or can't be reached", self.file().display())
            })?;
        }
    }

    fn try_connect(&self) -> Result<Option<TcpStream>> {
        let Ok(text) = std::fs::read_to_string(self.file()) else { return Ok(None) };
        let Some((address, word)) = text.trim().split_once(' ') else { return Ok(None) };
        let local = gethostname::gethostname();
        let port = address.strip_prefix(&*local.to_string_lossy()).and_then(|rest| rest.strip_prefix(':'));
        // a host need not know itself by its name
        let address = port.map_or_else(|| address.to_owned(), |port| format!("127.0.0.1:{port}"));
        let Some(mut stream) = reach(&address) else { return Ok(None) };
        let mut hello = unhex(word);
        hello.extend(self.agreement);
        let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes();
        hello.extend(number(self.rank));
        hello.extend(number(self.size));
        let mut answer = [0];
        // who listens there now may be somebody else, who says nothing, or something else
        let patience = Some(Duration::from_secs(5));
        if stream.set_read_timeout(patience).and_then(|()| stream.set_write_timeout(patience)).is_err() {
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
    if started.elapsed() > GATHERING {
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

/// What nobody can guess: the standard library seeds its maps from the system's random numbers.
fn unforeseen() -> [u8; WORD] {
    let mut word = [0; WORD];
    for part in word.as_chunks_mut::<8>().0 {
        *part = RandomState::new().hash_one(std::process::id()).to_le_bytes();
    }
    word
}

/// The file is gone when all have come.
struct Removed(PathBuf);

impl Drop for Removed {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Of a word that is damaged, something that no one waits for.
fn unhex(text: &str) -> Vec<u8> {
    (0..WORD)
        .map(|at| text.get(2 * at..2 * at + 2).and_then(|two| u8::from_str_radix(two, 16).ok()).unwrap_or(0))
        .collect()
}

/// Nobody else may read the word.
#[cfg(unix)]
fn private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
}

#[cfg(not(unix))]
fn private(_: &Path) -> io::Result<()> {
    Ok(())
}
