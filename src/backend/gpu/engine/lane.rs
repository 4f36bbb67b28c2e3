//! What all operations of a lane share: its tile on the host, its buffers on the device.

use std::ops::Range;

use super::buffers::Buffers;
use super::device::GpuDevice;
use super::exact::ExactRows;
use super::fault::defect;
use super::location::TileLocation;
use super::pipeline::PointSlice;
use super::plan::TilePlan;
use super::point_store::PointStore;
use super::submit::Recorder;
use super::units::{narrow, wide};
use super::upload::HostTile;
use crate::backend::{Job, ReadRows, TileRows};
use crate::base::error::{Error, Result};
use crate::base::numeric::to_usize;

/// One tile in flight: its rows on the host, its buffers on the device.
pub(crate) struct LaneState<'a> {
    pub(crate) gpu: &'a GpuDevice,
    pub(crate) job: &'a Job<'a>,
    pub(crate) plan: TilePlan,
    pub(crate) buffers: Buffers,
    pub(crate) tile: HostTile<'a>,
    /// Where the tile's rows are on the device.
    pub(crate) location: TileLocation,
    /// The points that the device keeps.
    store: Option<&'a PointStore>,
    /// Rows of the next upload, if they are consecutive and may be kept.
    announced: Option<Range<u64>>,
    pub(crate) exact: ExactRows<'a>,
    stamp: u32,
}

impl<'a> LaneState<'a> {
    /// Allocates the buffers of `plan`.
    pub(crate) fn new(gpu: &'a GpuDevice, job: &'a Job<'a>, plan: TilePlan) -> Result<LaneState<'a>> {
        let buffers = Buffers::new(gpu, &plan).map_err(|raised| Error::failed(*raised.finding))?;
        let (tile, exact) = (HostTile::new(job), ExactRows::new(job));
        let store = job.kept.and_then(|kept| kept.points.as_any().downcast_ref());
        let location = TileLocation { slice: PointSlice::whole(&buffers.points), rows: None };
        Ok(LaneState {
            gpu,
            job,
            plan,
            buffers,
            tile,
            location,
            store,
            announced: None,
            exact,
            stamp: gpu.first_stamp(),
        })
    }

    /// Starts recording work of this lane.
    pub(crate) fn recorder(&self) -> Recorder<'a> {
        Recorder::new(self.gpu, &self.buffers.uniforms)
    }

    /// A number that no earlier work left in the lane's buffers. Never 0, which new buffers hold.
    pub(crate) fn next_stamp(&mut self) -> u32 {
        self.stamp = self.stamp.checked_add(1).unwrap_or(1);
        self.stamp
    }

    /// [`Lane::announce`](crate::backend::Lane::announce): whether the device keeps all of the rows.
    pub(crate) fn announce(&mut self, rows: &TileRows<'_>) -> Result<bool> {
        self.announced = if let TileRows::Range(range) = rows { Some(range.clone()) } else { None };
        let (Some(store), Some(bounds)) = (self.store, rows.bounds()) else { return Ok(false) };
        let largest = match rows {
            TileRows::Range(range) => store.recall(&bounds, range.clone()),
            TileRows::List(rows) => store.recall(&bounds, rows.iter().copied()),
        };
        let Some(largest) = largest.filter(|largest| largest.len() <= self.plan.tile_rows) else { return Ok(false) };
        let Some(location) = locate(self.gpu, store, rows)? else { return Ok(false) };
        self.tile.recall(rows, largest);
        self.location = location;
        Ok(true)
    }

    /// Copies the staged rows to the device.
    pub(crate) fn upload(&mut self) -> Result<()> {
        self.send(self.tile.rows(), &mut |_, _| Ok(()))
    }

    /// Reads a tile of `rows` rows by `read` and copies it to the device.
    pub(crate) fn fill(&mut self, rows: usize, read: &mut ReadRows<'_>) -> Result<()> {
        self.tile.staging(rows);
        self.send(rows, read)
    }

    /// Reads and copies a tile piece by piece: among the kept points if they were announced and there is room, else to the
    /// lane's own buffer. A piece is packed while it is in the processor's cache.
    fn send(&mut self, rows: usize, read: &mut ReadRows<'_>) -> Result<()> {
        if rows > self.plan.tile_rows {
            return Err(defect("a tile has more rows than its lane was opened for"));
        }
        if rows == 0 {
            return Ok(());
        }
        let kept = self.announced.take().filter(|range| range.end - range.start == wide(rows));
        let room = kept.as_ref().zip(self.store).and_then(|(range, store)| store.room(self.gpu, range));
        let (points, offset) = room.clone().unwrap_or_else(|| (PointSlice::whole(&self.buffers.points).buffer, 0));
        let at_once = self.plan.staged_rows();
        for (number, first) in (0..rows).step_by(at_once).enumerate() {
            let piece = first..rows.min(first + at_once);
            read(piece.clone(), self.tile.staged(piece.clone()))?;
            let bytes = wide(piece.len()) * self.plan.point_row;
            let mut recorder = self.recorder();
            let (tile, plan) = (&mut self.tile, &self.plan);
            let staging = &mut self.buffers.points_staging[number % 2];
            staging.write(self.gpu, bytes, |memory| {
                tile.pack(plan, piece, memory);
                Ok(())
            })?;
            recorder.copy((&staging.buffer, 0), (&points, offset + wide(first) * plan.point_row), bytes);
            let submission = recorder.submit();
            staging.recycle(self.gpu, &submission);
        }
        self.location = TileLocation { slice: PointSlice::whole(&self.buffers.points), rows: None };
        if let (Some(store), Some(range), true) = (self.store, &kept, room.is_some()) {
            store.filled(range, self.tile.all_largest());
            if let Some(location) = locate(self.gpu, store, &TileRows::Range(range.clone()))? {
                self.location = location;
            }
        }
        self.gpu.fault.check()
    }
}

/// Where the device keeps the rows; `None` if they aren't in one chunk.
fn locate(gpu: &GpuDevice, store: &PointStore, rows: &TileRows<'_>) -> Result<Option<TileLocation>> {
    let Some(bounds) = rows.bounds() else { return Ok(None) };
    let Some((slice, first)) = store.slice(gpu, &bounds) else { return Ok(None) };
    // chunks are smaller than a binding, so their rows have 32-bit numbers
    let number = |row: u64| narrow(to_usize(row - bounds.start + first));
    let rows = match rows {
        TileRows::Range(_) if first == 0 => None,
        TileRows::Range(range) => Some(range.clone().map(number).collect::<Result<_>>()?),
        TileRows::List(rows) => Some(rows.iter().map(|&row| number(row)).collect::<Result<_>>()?),
    };
    Ok(Some(TileLocation { slice, rows }))
}
