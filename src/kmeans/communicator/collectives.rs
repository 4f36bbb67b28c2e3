//! What the processes do together: sums, and bytes from and to rank 0.
//!
//! All of it is made of one operation, in which processes exchange bytes in pairs. So the results have the same bits whatever
//! carries the bytes. Sums are a reduce-scatter and an all-gather: each rank receives its share of the values from all ranks,
//! adds it up in rank order, and sends it to all. However many processes there are, each sends and receives less than twice
//! the bytes of the values.

use std::ops::Range;

use super::lost::misfit;
use crate::base::double_double;
use crate::base::error::Result;
use crate::base::numeric::to_usize;

/// Values that are summed at a time. Each process keeps as many, received from the others.
const SEGMENT: usize = 1 << 20;
/// Bytes sent at a time to or from rank 0. No more are allocated before they arrive.
const PIECE: usize = 8 * SEGMENT;
/// Most bytes that a process sends to rank 0 or receives from it at once. A greater length is damaged.
const MOST_BYTES: u64 = 1 << 44;

/// Bytes that a process exchanged with the others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Exchanged {
    /// Bytes sent.
    pub bytes_sent: u64,
    /// Bytes received.
    pub bytes_received: u64,
}

impl Exchanged {
    /// What was added since `before`.
    pub fn since(self, before: Exchanged) -> Exchanged {
        Exchanged {
            bytes_sent: self.bytes_sent.saturating_sub(before.bytes_sent),
            bytes_received: self.bytes_received.saturating_sub(before.bytes_received),
        }
    }
}

/// Collective operations. All processes must make the same calls in the same order; each call waits for the other processes.
pub trait Communicator: Sync {
    /// Rank of this process, from 0.
    fn rank(&self) -> usize;

    /// Number of processes.
    fn size(&self) -> usize;

    /// Sends `outgoing[to]` to rank `to`, and receives `incoming[from]` from rank `from`, for all other ranks. Both processes
    /// give the same length; nothing is sent for a length of 0.
    ///
    /// # Errors
    /// `Paused` if a process is lost; `Failed` if one ended with an error; `Interrupted` if the run is cancelled.
    fn exchange(&self, outgoing: &[&[u8]], incoming: &mut [&mut [u8]]) -> Result<()>;

    /// Bytes that this process exchanged so far.
    fn exchanged(&self) -> Exchanged;

    /// Call when this process ends with an error of its own: the others then know that it is not just lost.
    fn leave(&self);

    /// Call when this process is done, and all others are or will be without a further exchange.
    fn finish(&self) {}

    /// Sums `values` over all processes, element by element and in rank order. All processes receive the same bits. The
    /// length must be the same on all.
    ///
    /// # Errors
    /// As [`Communicator::exchange`].
    fn all_reduce(&self, values: &mut [f64]) -> Result<()> {
        reduce(self, [values], |[sums], [theirs]| sums.iter_mut().zip(theirs).for_each(|(sum, value)| *sum += value))
    }

    /// [`Communicator::all_reduce`] in double-double arithmetic: a value is `sums + rests`, where `rests` holds what a
    /// float64 sum loses. So it exchanges twice the bytes.
    ///
    /// # Errors
    /// As [`Communicator::exchange`].
    fn all_reduce_double_double(&self, sums: &mut [f64], rests: &mut [f64]) -> Result<()> {
        reduce(self, [sums, rests], |[sums, rests], [theirs, their_rests]| {
            double_double::add((sums, rests), (theirs, their_rests));
        })
    }

    /// Collects the bytes of all processes on rank 0, in rank order. The other ranks receive nothing.
    ///
    /// # Errors
    /// As [`Communicator::exchange`].
    fn gather(&self, own: Vec<u8>) -> Result<Vec<Vec<u8>>> {
        if self.rank() > 0 {
            send(self, 0, &(own.len() as u64).to_ne_bytes())?;
            own.chunks(PIECE).try_for_each(|piece| send(self, 0, piece))?;
            return Ok(Vec::new());
        }
        receive_all(self, own)
    }

    /// Replaces `bytes` by those of rank 0. Each rank receives a share from rank 0 and sends it to the others.
    ///
    /// # Errors
    /// As [`Communicator::exchange`].
    fn broadcast(&self, bytes: &mut Vec<u8>) -> Result<()> {
        if self.size() == 1 {
            return Ok(());
        }
        let mut length = (bytes.len() as u64).to_ne_bytes();
        tell(self, &mut length)?;
        let length = checked_length(length)?;
        if self.rank() > 0 {
            bytes.clear();
        }
        for piece in pieces(length, PIECE) {
            bytes.resize(bytes.len().max(piece.end), 0);
            spread(self, &mut bytes[piece])?;
        }
        Ok(())
    }
}

/// A single process.
#[derive(Debug, Clone, Copy, Default)]
pub struct SingleProcess;

impl Communicator for SingleProcess {
    fn rank(&self) -> usize {
        0
    }

    fn size(&self) -> usize {
        1
    }

    fn exchange(&self, _: &[&[u8]], _: &mut [&mut [u8]]) -> Result<()> {
        Ok(())
    }

    fn exchanged(&self) -> Exchanged {
        Exchanged::default()
    }

    fn leave(&self) {}
}

/// Replaces `planes`, arrays of equal length, by their sums over all ranks, added with `add` in rank order.
fn reduce<C: Communicator + ?Sized, const N: usize>(
    communicator: &C,
    mut planes: [&mut [f64]; N],
    add: impl Fn([&mut [f64]; N], [&[f64]; N]),
) -> Result<()> {
    let (rank, size) = (communicator.rank(), communicator.size());
    if size == 1 {
        return Ok(());
    }
    let length = planes.first().map_or(0, |plane| plane.len());
    for segment in pieces(length, SEGMENT) {
        let mut theirs: [Vec<f64>; N] = [const { Vec::new() }; N];
        for (theirs, plane) in theirs.iter_mut().zip(&planes) {
            *theirs = scatter(communicator, &plane[segment.clone()])?;
        }
        let own = block(rank, size, segment.len()).len();
        let mut sums = theirs.each_ref().map(|theirs| theirs[..own].to_vec());
        for rank in 1..size {
            let of_rank = theirs.each_ref().map(|theirs| &theirs[rank * own..(rank + 1) * own]);
            add(sums.each_mut().map(Vec::as_mut_slice), of_rank);
        }
        for (sums, plane) in sums.iter().zip(&mut planes) {
            let mut blocks = blocks(&mut plane[segment.clone()], size);
            blocks[rank].copy_from_slice(sums);
            all_gather(communicator, blocks.into_iter().map(bytemuck::cast_slice_mut).collect(), 0)?;
        }
    }
    Ok(())
}

/// Sends each rank its block of the values. Returns this rank's block from all ranks, in rank order.
fn scatter<C: Communicator + ?Sized>(communicator: &C, values: &[f64]) -> Result<Vec<f64>> {
    let (rank, size) = (communicator.rank(), communicator.size());
    let own = block(rank, size, values.len());
    let mut all = vec![0.0; own.len() * size];
    all[rank * own.len()..(rank + 1) * own.len()].copy_from_slice(&values[own.clone()]);
    let outgoing: Vec<&[u8]> =
        (0..size).map(|to| bytemuck::cast_slice(&values[block(to, size, values.len())])).collect();
    let mut incoming: Vec<&mut [u8]> = blocks(&mut all, size).into_iter().map(bytemuck::cast_slice_mut).collect();
    communicator.exchange(&outgoing, &mut incoming)?;
    Ok(all)
}

/// Sends this rank's block to all ranks from `first` on, and receives theirs. Ranks before `first` only send.
fn all_gather<C: Communicator + ?Sized>(communicator: &C, mut blocks: Vec<&mut [u8]>, first: usize) -> Result<()> {
    let (rank, size) = (communicator.rank(), communicator.size());
    let own = std::mem::take(&mut blocks[rank]);
    let outgoing: Vec<&[u8]> = (0..size).map(|to| if to < first { &[] } else { &*own }).collect();
    let mut incoming = if rank < first { nowhere(size) } else { blocks };
    communicator.exchange(&outgoing, &mut incoming)
}

/// Replaces `bytes` by those of rank 0.
fn spread<C: Communicator + ?Sized>(communicator: &C, bytes: &mut [u8]) -> Result<()> {
    let (rank, size) = (communicator.rank(), communicator.size());
    let mut blocks = blocks(bytes, size);
    if rank == 0 {
        let outgoing: Vec<&[u8]> = blocks.iter().map(|block| &**block).collect();
        communicator.exchange(&outgoing, &mut nowhere(size))?;
    } else {
        receive(communicator, 0, blocks[rank])?;
    }
    all_gather(communicator, blocks, 1)
}

/// Rank 0's part of [`Communicator::gather`].
fn receive_all<C: Communicator + ?Sized>(communicator: &C, own: Vec<u8>) -> Result<Vec<Vec<u8>>> {
    let mut lengths = vec![[0; 8]; communicator.size()];
    communicator
        .exchange(&nothing(lengths.len()), &mut lengths.iter_mut().map(|length| &mut length[..]).collect::<Vec<_>>())?;
    lengths[0] = (own.len() as u64).to_ne_bytes();
    let lengths = lengths.into_iter().map(checked_length).collect::<Result<Vec<usize>>>()?;
    let mut all = vec![Vec::new(); lengths.len()];
    all[0] = own;
    while all.iter().zip(&lengths).any(|(bytes, &length)| bytes.len() < length) {
        let next = all.iter_mut().zip(&lengths).map(|(bytes, &length)| {
            let at = bytes.len();
            bytes.resize(length.min(at + PIECE), 0);
            &mut bytes[at..]
        });
        let mut next: Vec<&mut [u8]> = next.collect();
        communicator.exchange(&nothing(lengths.len()), &mut next)?;
    }
    Ok(all)
}

/// Sends to one rank.
fn send<C: Communicator + ?Sized>(communicator: &C, to: usize, bytes: &[u8]) -> Result<()> {
    let mut outgoing = nothing(communicator.size());
    outgoing[to] = bytes;
    communicator.exchange(&outgoing, &mut nowhere(communicator.size()))
}

/// Receives from one rank.
fn receive<C: Communicator + ?Sized>(communicator: &C, from: usize, bytes: &mut [u8]) -> Result<()> {
    let mut incoming = nowhere(communicator.size());
    incoming[from] = bytes;
    communicator.exchange(&nothing(communicator.size()), &mut incoming)
}

/// Replaces a word by that of rank 0.
fn tell<C: Communicator + ?Sized>(communicator: &C, word: &mut [u8; 8]) -> Result<()> {
    if communicator.rank() > 0 {
        return receive(communicator, 0, word);
    }
    communicator.exchange(&vec![&word[..]; communicator.size()], &mut nowhere(communicator.size()))
}

fn nothing<'a>(size: usize) -> Vec<&'a [u8]> {
    vec![&[]; size]
}

fn nowhere<'a>(size: usize) -> Vec<&'a mut [u8]> {
    (0..size).map(|_| <&mut [u8]>::default()).collect()
}

/// A length that another process sent.
fn checked_length(length: [u8; 8]) -> Result<usize> {
    let length = u64::from_ne_bytes(length);
    if length > MOST_BYTES { Err(misfit(MOST_BYTES, length)) } else { Ok(to_usize(length)) }
}

/// Ranges of at most `most` that make up `length`.
fn pieces(length: usize, most: usize) -> impl Iterator<Item = Range<usize>> {
    (0..length).step_by(most).map(move |start| start..length.min(start + most))
}

/// The share of a rank in `length` values: the shares are nearly equal.
fn block(rank: usize, size: usize, length: usize) -> Range<usize> {
    rank * length / size..(rank + 1) * length / size
}

/// The shares of all ranks.
fn blocks<T>(mut values: &mut [T], size: usize) -> Vec<&mut [T]> {
    let length = values.len();
    let cut = |rank| values.split_off_mut(..block(rank, size, length).len()).unwrap_or_default();
    (0..size).map(cut).collect()
}
