//! A lane of the GPU backend: a tile in flight, and the operations on it.

use super::engine::device::GpuDevice;
use super::engine::fault::defect;
use super::engine::lane::LaneState;
use super::ops::centring::Centring;
use super::ops::distance_matrix::DistanceMatrixOp;
use super::ops::group_sums::GroupSumOp;
use super::ops::own_distances::OwnDistanceOp;
use super::ops::resident::ResidentCache;
use super::ops::search::SearchOp;
use crate::backend::{GroupSums, Job, Lane, ReadRows, TileObservation, TileRows, Top2};
use crate::base::error::Result;

/// One tile in flight and the operations that its job asks for.
pub(crate) struct GpuLane<'a> {
    state: LaneState<'a>,
    own: OwnDistanceOp,
    /// `None` if the job asks for no distance matrix.
    matrix: Option<DistanceMatrixOp>,
    /// `None` if the job searches nothing.
    centring: Option<Centring>,
    /// `None` if the job searches nothing.
    search: Option<SearchOp>,
    /// `None` if the job asks for no sums by label.
    sums: Option<GroupSumOp>,
}

impl<'a> GpuLane<'a> {
    /// Opens a lane for tiles of at most `tile_rows` rows.
    pub(crate) fn new(
        gpu: &'a GpuDevice,
        residents: &ResidentCache,
        job: &'a Job<'a>,
        tile_rows: usize,
    ) -> Result<GpuLane<'a>> {
        gpu.fault.check()?;
        let plan = gpu.plan(job, tile_rows)?;
        let state = LaneState::new(gpu, job, plan)?;
        let resident = residents.get(gpu, job, &state.plan)?;
        let own = OwnDistanceOp::new(&state, &resident)?;
        let matrix = DistanceMatrixOp::new(&state, &resident)?;
        let centring = Centring::new(&state)?;
        let search = SearchOp::new(&state, &resident)?;
        let sums = GroupSumOp::new(&state)?;
        gpu.fault.check()?;
        Ok(GpuLane { state, own, matrix, centring, search, sums })
    }
}

impl Lane for GpuLane<'_> {
    fn announce(&mut self, rows: TileRows<'_>) -> Result<bool> {
        self.state.gpu.fault.check()?;
        if let Some(centring) = &mut self.centring {
            centring.forget();
        }
        // the kernel of the distance matrix reads consecutive rows only
        if self.matrix.is_some() && matches!(rows, TileRows::List(_)) {
            return Ok(false);
        }
        self.state.announce(&rows)
    }

    fn staging(&mut self, rows: usize) -> &mut [u8] {
        self.state.tile.staging(rows)
    }

    fn upload(&mut self) -> Result<()> {
        self.state.gpu.fault.check()?;
        if let Some(centring) = &mut self.centring {
            centring.forget();
        }
        self.state.upload()
    }

    fn fill(&mut self, rows: usize, read: &mut ReadRows<'_>) -> Result<()> {
        self.state.gpu.fault.check()?;
        if let Some(centring) = &mut self.centring {
            centring.forget();
        }
        self.state.fill(rows, read)
    }

    fn own_distances(&mut self, labels: &[&[u32]], out: &mut TileObservation) -> Result<()> {
        self.state.gpu.fault.check()?;
        self.own.observe_tile(&mut self.state, labels, out)
    }

    fn pairwise(&mut self, level: usize, first: usize, count: usize, out: &mut [f32]) -> Result<()> {
        self.state.gpu.fault.check()?;
        match &mut self.matrix {
            Some(matrix) => matrix.fill(&mut self.state, level, first, count, out),
            None => Err(defect("pairwise was called on a job that doesn't ask for it")),
        }
    }

    fn top2(&mut self, level: usize, labels: &[u32], out: &mut Vec<Top2>) -> Result<()> {
        self.state.gpu.fault.check()?;
        match (&mut self.search, &mut self.centring) {
            (Some(search), Some(centring)) => {
                search.search_tile(&mut self.state, &mut self.own, centring, level, labels, out)
            }
            _ => Err(defect("top2 was called on a job that doesn't ask for it")),
        }
    }

    fn cluster_sums(&mut self, labels: &[u32], out: &mut GroupSums) -> Result<()> {
        self.state.gpu.fault.check()?;
        match &mut self.sums {
            Some(sums) => sums.sum_tile(&mut self.state, [labels], [out]),
            None => Err(defect("cluster_sums was called on a job that doesn't ask for it")),
        }
    }

    fn cluster_sums_of_both(&mut self, labels: [&[u32]; 2], out: [&mut GroupSums; 2]) -> Result<()> {
        self.state.gpu.fault.check()?;
        match &mut self.sums {
            Some(sums) => sums.sum_tile(&mut self.state, labels, out),
            None => Err(defect("cluster_sums was called on a job that doesn't ask for it")),
        }
    }
}
