//! A team of processes on one host or many, joined by TCP.
//!
//! The first member listens and writes where into a file of the folder that all see; the others read it and connect. Sums
//! are made by the first member, in the order of the ranks. A connection that closes is a member lost: all others hear of it
//! at once and end, as the system that started them (`srun`) would have it. A file of an earlier team does no harm: nobody
//! listens there, or who listens asks for a word that only the file of the day has.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Team;
use crate::atomic_file::AtomicFile;
use crate::error::{Error, Finding, Result};

/// How often a wait looks whether the run is to stop.
const LOOK: Duration = Duration::from_millis(200);
/// How long members wait for each other at the start: nodes of an allocation start within seconds, images within minutes.
const GATHERING: Duration = Duration::from_secs(600);
/// Bytes of the word and of what must agree, a hash each.
const WORD: usize = 32;
/// Values are sent and added up in pieces.
const PIECE: usize = 1 << 16;

/// Members that are connected.
pub struct Network<'a> {
    rank: usize,
    /// To every other member, by rank, on the first; to the first, on the others.
    streams: Mutex<Vec<TcpStream>>,
    size: usize,
    cancelled: &'a (dyn Fn() -> bool + Sync),
}

/// Where to meet, and as whom.
pub struct Meeting<'a> {
    /// A folder that all members see.
    pub folder: &'a Path,
    /// Which member this is, from 0 on.
    pub rank: usize,
    /// How many there are.
    pub size: usize,
    /// What must be the same for all: the hash of settings and inputs.
    pub agreement: [u8; WORD],
}

impl<'a> Network<'a> {
    /// Meets the other members.
    ///
    /// # Errors
    /// `Failed` where they do not come, or have other settings.
    pub fn join(meeting: &Meeting<'_>, cancelled: &'a (dyn Fn() -> bool + Sync)) -> Result<Network<'a>> {
        let streams = if meeting.rank == 0 { meeting.host(cancelled)? } else { vec![meeting.connect(cancelled)?] };
        for stream in &streams {
            let set = stream.set_nodelay(true).and_then(|()| stream.set_read_timeout(Some(LOOK)));
            set.and_then(|()| stream.set_write_timeout(Some(LOOK))).map_err(|e| lost(&e))?;
        }
        Ok(Network { rank: meeting.rank, size: meeting.size, streams: Mutex::new(streams), cancelled })
    }

    fn streams(&self) -> MutexGuard<'_, Vec<TcpStream>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn receive(&self, stream: &mut TcpStream, out: &mut [u8]) -> Result<()> {
        let mut at = 0;
        while at < out.len() {
            match stream.read(&mut out[at..]) {
                Ok(0) => return Err(lost(&ErrorKind::UnexpectedEof.into())),
                Ok(count) => at += count,
                Err(e) => self.go_on(&e)?,
            }
        }
        Ok(())
    }

    fn send(&self, stream: &mut TcpStream, bytes: &[u8]) -> Result<()> {
        let mut at = 0;
        while at < bytes.len() {
            match stream.write(&bytes[at..]) {
                Ok(0) => return Err(lost(&ErrorKind::WriteZero.into())),
                Ok(count) => at += count,
                Err(e) => self.go_on(&e)?,
            }
        }
        Ok(())
    }

    /// Nothing is wrong with having to wait, unless the run is to stop.
    fn go_on(&self, error: &io::Error) -> Result<()> {
        if (self.cancelled)() {
            return Err(Error::interrupted());
        }
        match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => Ok(()),
            _ => Err(lost(error)),
        }
    }

    fn receive_bytes(&self, stream: &mut TcpStream) -> Result<Vec<u8>> {
        let mut length = [0; 8];
        self.receive(stream, &mut length)?;
        // what a member of this very program announces, and has in its own memory
        let mut bytes = vec![0; usize::try_from(u64::from_le_bytes(length)).unwrap_or(usize::MAX)];
        self.receive(stream, &mut bytes)?;
        Ok(bytes)
    }

    fn send_bytes(&self, stream: &mut TcpStream, bytes: &[u8]) -> Result<()> {
        self.send(stream, &(bytes.len() as u64).to_le_bytes())?;
        self.send(stream, bytes)
    }
}

impl Team for Network<'_> {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.size
    }

    fn sum(&self, values: &mut [f64]) -> Result<()> {
        let mut streams = self.streams();
        let mut bytes = Vec::new();
        for piece in values.chunks_mut(PIECE) {
            if self.rank > 0 {
                bytes.clear();
                piece.iter().for_each(|value| bytes.extend(value.to_le_bytes()));
                self.send(&mut streams[0], &bytes)?;
                continue;
            }
            bytes.resize(size_of_val(piece), 0);
            for stream in &mut *streams {
                self.receive(stream, &mut bytes)?;
                let theirs = bytes.as_chunks::<8>().0.iter().map(|&bytes| f64::from_le_bytes(bytes));
                piece.iter_mut().zip(theirs).for_each(|(sum, value)| *sum += value);
            }
        }
        // a second round, so that nobody waits to send while the first waits to be read
        for piece in values.chunks_mut(PIECE) {
            bytes.clear();
            if self.rank == 0 {
                piece.iter().for_each(|value| bytes.extend(value.to_le_bytes()));
                streams.iter_mut().try_for_each(|stream| self.send(stream, &bytes))?;
                continue;
            }
            bytes.resize(size_of_val(piece), 0);
            self.receive(&mut streams[0], &mut bytes)?;
            let sums = bytes.as_chunks::<8>().0.iter().map(|&bytes| f64::from_le_bytes(bytes));
            piece.iter_mut().zip(sums).for_each(|(value, sum)| *value = sum);
        }
        Ok(())
    }

    fn collect(&self, mine: Vec<u8>) -> Result<Vec<Vec<u8>>> {
        let mut streams = self.streams();
        if self.rank > 0 {
            self.send_bytes(&mut streams[0], &mine)?;
            return Ok(Vec::new());
        }
        let mut all = vec![mine];
        for stream in &mut *streams {
            all.push(self.receive_bytes(stream)?);
        }
        Ok(all)
    }

    fn share(&self, bytes: &mut Vec<u8>) -> Result<()> {
        let mut streams = self.streams();
        if self.rank == 0 {
            return streams.iter_mut().try_for_each(|stream| self.send_bytes(stream, bytes));
        }
        *bytes = self.receive_bytes(&mut streams[0])?;
        Ok(())
    }
}

impl Meeting<'_> {
    fn file(&self) -> PathBuf {
        self.folder.join("team")
    }

    /// The first member waits for the others.
    fn host(&self, cancelled: &dyn Fn() -> bool) -> Result<Vec<TcpStream>> {
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
    fn connect(&self, cancelled: &dyn Fn() -> bool) -> Result<TcpStream> {
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
        match stream.write_all(&hello).and_then(|()| stream.read_exact(&mut answer)) {
            Ok(()) if answer == [1] => Ok(Some(stream)),
            Ok(()) => Err(disagreement()),
            Err(_) => Ok(None),
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

fn lost(error: &io::Error) -> Error {
    Error::failed(
        Finding::new("another process of this k-means is lost")
            .found(error.to_string())
            .hint("see what it said; all of them with --resume go on from the last checkpoint"),
    )
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

#[cfg(test)]
mod tests {
    use super::*;

    fn meet<T: Send>(agreements: &[u8], act: impl Fn(&Network<'_>) -> T + Sync) -> Vec<Result<T>> {
        let folder = tempfile::tempdir().expect("a folder");
        let never = || false;
        std::thread::scope(|scope| {
            let (folder, never, act) = (folder.path(), &never, &act);
            let size = agreements.len();
            let members = agreements.iter().enumerate().map(|(rank, &agreement)| {
                scope.spawn(move || {
                    let meeting = Meeting { folder, rank, size, agreement: [agreement; WORD] };
                    Network::join(&meeting, never).map(|team| act(&team))
                })
            });
            let members: Vec<_> = members.collect();
            members.into_iter().map(|member| member.join().expect("no panic")).collect()
        })
    }

    #[test]
    fn sums_are_those_of_all_members_to_the_bit() {
        let value = |rank: usize, at: usize| 0.1 * (rank + 1) as f64 + (at as f64).sqrt();
        let count = 2 * PIECE + 7;
        let expected: Vec<f64> = (0..count).map(|at| value(0, at) + value(1, at) + value(2, at)).collect();
        let sums = meet(&[7; 3], |team| {
            let mut values: Vec<f64> = (0..count).map(|at| value(team.rank(), at)).collect();
            team.sum(&mut values).expect("sums");
            team.sum(&mut []).expect("sums nothing");
            values
        });
        for sums in sums {
            assert!(sums.expect("met") == expected);
        }
    }

    #[test]
    fn bytes_go_to_the_first_and_from_it() {
        let found = meet(&[7; 3], |team| {
            let collected = team.collect(vec![u8::try_from(team.rank()).expect("small"); team.rank() * 100_000]);
            let mut shared = if team.rank() == 0 { vec![5; 300_000] } else { Vec::new() };
            team.share(&mut shared).expect("shares");
            (collected.expect("collects"), shared)
        });
        let found: Vec<_> = found.into_iter().map(|found| found.expect("met")).collect();
        assert!(found.iter().all(|(_, shared)| *shared == vec![5; 300_000]));
        assert!(found[0].0 == [vec![], vec![1; 100_000], vec![2; 200_000]]);
        assert!(found[1].0.is_empty() && found[2].0.is_empty());
    }

    #[test]
    fn members_with_other_settings_are_refused() {
        let found = meet(&[7, 8], |_| ());
        for found in found {
            assert!(found.is_err_and(|error| error.to_string().contains("do not agree")));
        }
    }

    #[test]
    fn a_member_that_leaves_is_missed() {
        let found = meet(&[7; 3], |team| match team.rank() {
            2 => Ok(()),
            _ => team.sum(&mut [1.0; 4]),
        });
        let lost = found.into_iter().map(|found| found.expect("met")).filter(Result::is_err).count();
        assert_eq!(lost, 2);
    }
}
