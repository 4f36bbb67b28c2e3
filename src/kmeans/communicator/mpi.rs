//! A communicator over MPI, for processes that `mpirun` or `srun --mpi` started (cargo feature `mpi`).
//!
//! MPI carries the bytes, in pairs of non-blocking sends and receives; what is added up where is the same as over TCP, so the
//! sums have the same bits. (`MPI_Allreduce` promises no order.) The processes also meet over TCP, because MPI does not
//! tell of a process that dies: see [`Lifelines`].

use std::ffi::c_int;
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use mpi::environment::Universe;
use mpi::ffi;
use mpi::topology::Communicator as _;

use super::collectives::{Communicator, Exchanged};
use super::launcher::processes_started;
use super::lifelines::Lifelines;
use super::lost::{lost, misfit};
use super::rendezvous::Rendezvous;
use crate::base::error::{Error, Finding, Result};
use crate::base::numeric::to_usize;

/// Of all messages. Those between two processes arrive in the order in which they were sent.
const TAG: c_int = 0;
/// How often a waiting process looks whether the others still live.
const WATCH: Duration = Duration::from_millis(100);
/// Checks without a pause in between, for messages that come soon.
const EAGER: u32 = 200;
/// Pause between two checks after that. A process that never pauses would take a core from those that compute.
const PAUSE: Duration = Duration::from_micros(100);

/// The processes that an MPI launcher started together.
pub struct World {
    /// Rank of this process, from 0.
    pub rank: usize,
    /// Number of processes.
    pub size: usize,
    /// Ends MPI when it is dropped, which waits for all processes. So it is dropped only once all are done.
    universe: ManuallyDrop<Universe>,
}

impl World {
    /// Starts MPI; `None` if no launcher started several processes.
    ///
    /// # Errors
    /// `Failed` if MPI can't be used.
    pub fn start() -> Result<Option<World>> {
        if processes_started(|name| std::env::var(name).ok()) == 1 {
            return Ok(None);
        }
        let failed = |found: &str| {
            let finding = Finding::new("MPI can't be started, although a launcher of MPI started this process");
            Error::failed(
                finding.found(found).hint("run it as a single process with --shard 1/1, or use TCP with --shard I/N"),
            )
        };
        // one thread at a time, but not always the same
        let started = mpi::initialize_with_threading(mpi::Threading::Serialized);
        let (universe, threads) = started.ok_or_else(|| failed("it was started before"))?;
        if threads < mpi::Threading::Serialized {
            return Err(failed("it can't be used from several threads"));
        }
        let universe = ManuallyDrop::new(universe);
        let world = universe.world();
        let number = |number: c_int| usize::try_from(number).unwrap_or_default();
        let (rank, size) = (number(world.rank()), number(world.size()));
        if size == 1 {
            return Err(failed("it knows of this process only: is the program built for the MPI of the launcher?"));
        }
        // SAFETY: MPI is initialised, and both constants are of its library
        let set = unsafe { ffi::MPI_Comm_set_errhandler(ffi::RSMPI_COMM_WORLD, ffi::RSMPI_ERRORS_RETURN) };
        checked(set)?;
        tracing::info!(
            "MPI: rank {rank} of {size} ({})",
            mpi::environment::library_version().unwrap_or_default().trim()
        );
        Ok(Some(World { rank, size, universe }))
    }
}

/// Processes connected by MPI.
pub struct MpiCommunicator<'a> {
    world: World,
    lifelines: Lifelines,
    /// Held during an exchange: messages of two exchanges must not mix.
    turn: Mutex<()>,
    finished: AtomicBool,
    sent: AtomicU64,
    received: AtomicU64,
    cancelled: &'a (dyn Fn() -> bool + Sync),
}

impl<'a> MpiCommunicator<'a> {
    /// Waits for the other processes, and makes sure that they have the same settings.
    ///
    /// # Errors
    /// `Failed` if they do not come in time; `Usage` if their settings differ; `Interrupted` if cancelled.
    pub fn join(
        world: World,
        rendezvous: &Rendezvous<'_>,
        cancelled: &'a (dyn Fn() -> bool + Sync),
    ) -> Result<MpiCommunicator<'a>> {
        let lifelines = Lifelines::new(rendezvous.meet(cancelled)?)?;
        let (turn, finished, sent, received) = Default::default();
        Ok(MpiCommunicator { world, lifelines, turn, finished, sent, received, cancelled })
    }

    /// Waits until all requests are complete.
    fn wait(&self, requests: &mut [ffi::MPI_Request], statuses: &mut [ffi::MPI_Status]) -> Result<()> {
        let mut watched = Instant::now();
        let mut checks = 0_u32;
        loop {
            let mut done = 0;
            // SAFETY: both slices have as many elements as requests were started, which the caller checks
            let code = unsafe {
                ffi::MPI_Testall(count(requests.len())?, requests.as_mut_ptr(), &mut done, statuses.as_mut_ptr())
            };
            checked(code)?;
            if done != 0 {
                return Ok(());
            }
            checks = checks.saturating_add(1);
            if checks < EAGER {
                std::thread::yield_now();
                continue;
            }
            std::thread::sleep(PAUSE);
            if watched.elapsed() >= WATCH {
                watched = Instant::now();
                if (self.cancelled)() {
                    return Err(Error::interrupted());
                }
                self.lifelines.check(self.cancelled)?;
            }
        }
    }
}

/// The messages of an exchange. MPI may read and write them until it is done.
#[derive(Default)]
struct Messages {
    requests: Vec<ffi::MPI_Request>,
    outgoing: Vec<Vec<u8>>,
    /// With the ranks that they come from, in the order of the first requests.
    incoming: Vec<(usize, Vec<u8>)>,
}

impl Messages {
    fn start(&mut self, rank: usize, outgoing: &[&[u8]], incoming: &[&mut [u8]]) -> Result<()> {
        for (from, bytes) in incoming.iter().enumerate().filter(|(from, bytes)| *from != rank && !bytes.is_empty()) {
            let mut buffer = vec![0; bytes.len()];
            let (length, peer) = (count(buffer.len())?, count(from)?);
            let at = buffer.as_mut_ptr().cast();
            // moved, a vector keeps its elements where they are
            self.incoming.push((from, buffer));
            // SAFETY: the buffer has this length, and lives until the request is done: see `exchange`
            let started = unsafe {
                let mut request = ffi::RSMPI_REQUEST_NULL;
                let code =
                    ffi::MPI_Irecv(at, length, ffi::RSMPI_UINT8_T, peer, TAG, ffi::RSMPI_COMM_WORLD, &mut request);
                checked(code).map(|()| request)
            };
            self.requests.push(started?);
        }
        for (to, bytes) in outgoing.iter().enumerate().filter(|(to, bytes)| *to != rank && !bytes.is_empty()) {
            let (length, peer) = (count(bytes.len())?, count(to)?);
            let buffer = bytes.to_vec();
            let at = buffer.as_ptr().cast();
            self.outgoing.push(buffer);
            // SAFETY: as above
            let started = unsafe {
                let mut request = ffi::RSMPI_REQUEST_NULL;
                let code =
                    ffi::MPI_Isend(at, length, ffi::RSMPI_UINT8_T, peer, TAG, ffi::RSMPI_COMM_WORLD, &mut request);
                checked(code).map(|()| request)
            };
            self.requests.push(started?);
        }
        Ok(())
    }
}

impl Communicator for MpiCommunicator<'_> {
    fn rank(&self) -> usize {
        self.world.rank
    }

    fn size(&self) -> usize {
        self.world.size
    }

    fn exchange(&self, outgoing: &[&[u8]], incoming: &mut [&mut [u8]]) -> Result<()> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        // if a process is lost, MPI may still write to the buffers: then they are never freed
        let mut messages = ManuallyDrop::new(Messages::default());
        messages.start(self.world.rank, outgoing, incoming)?;
        // SAFETY: a status is plain data that MPI overwrites
        let mut statuses: Vec<ffi::MPI_Status> = vec![unsafe { std::mem::zeroed() }; messages.requests.len()];
        self.wait(&mut messages.requests, &mut statuses)?;
        let messages = ManuallyDrop::into_inner(messages);
        for ((from, bytes), status) in messages.incoming.into_iter().zip(&statuses) {
            let mut found = 0;
            // SAFETY: the status is of a receive that is done
            checked(unsafe { ffi::MPI_Get_count(status, ffi::RSMPI_UINT8_T, &mut found) })?;
            if usize::try_from(found) != Ok(bytes.len()) {
                return Err(misfit(bytes.len() as u64, u64::try_from(found).unwrap_or_default()));
            }
            self.received.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            incoming[from].copy_from_slice(&bytes);
        }
        let sent: usize = messages.outgoing.iter().map(Vec::len).sum();
        self.sent.fetch_add(sent as u64, Ordering::Relaxed);
        Ok(())
    }

    fn exchanged(&self) -> Exchanged {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Exchanged { bytes_sent: of(&self.sent), bytes_received: of(&self.received) }
    }

    fn leave(&self) {
        self.lifelines.say_farewell();
    }

    fn finish(&self) {
        self.finished.store(true, Ordering::Relaxed);
    }
}

impl Drop for MpiCommunicator<'_> {
    fn drop(&mut self) {
        // A launcher kills all processes once one has ended without ending MPI. But ending MPI waits for all of them, so it is
        // not done where one is lost.
        if self.finished.load(Ordering::Relaxed) || self.lifelines.end_together() {
            // SAFETY: it is not used again
            unsafe { ManuallyDrop::drop(&mut self.world.universe) };
        }
    }
}

fn count(length: usize) -> Result<c_int> {
    c_int::try_from(length).map_err(|_| misfit(c_int::MAX.unsigned_abs().into(), length as u64))
}

/// An error that MPI reports means that a process or the network is lost.
fn checked(code: c_int) -> Result<()> {
    const SUCCESS: c_int = 0;
    if code == SUCCESS {
        return Ok(());
    }
    let mut text = vec![0_u8; 1 << 12];
    let mut length = 0;
    // SAFETY: the text has room for more than MPI_MAX_ERROR_STRING bytes
    unsafe { ffi::MPI_Error_string(code, text.as_mut_ptr().cast(), &mut length) };
    text.truncate(to_usize(u64::try_from(length).unwrap_or_default()));
    Err(lost(&String::from_utf8_lossy(&text)))
}
