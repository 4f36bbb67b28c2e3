//! Work that must not cost a further round trip to the device, which takes longer than the work itself.

use clustrata::backend::gpu::{GpuBackend, GpuOptions};
use clustrata::backend::{Backend, GroupSums, Job, Lane, TileObservation, Traffic, UNLABELLED};
use clustrata::base::error::Result;
use clustrata::base::matrix::Dtype;

use crate::case::{Case, Centroids, Points, Random, naive, on_every_adapter, random_case};
use crate::search::Search;

/// What `work` gives the device to do.
fn counted(backend: &GpuBackend, work: impl FnOnce() -> Result<()>) -> Result<Traffic> {
    let before = backend.traffic().expect("a GPU counts");
    work()?;
    Ok(backend.traffic().expect("a GPU counts").since(before))
}

/// Rows beside one of 40 centroids each. The first and the last centroid coincide, and `tied` rows are beside these.
fn beside_centroids(tied: usize) -> Search {
    const DIM: usize = 16;
    let mut random = Random(60);
    let mut centroids: Vec<f64> = (0..39 * DIM).map(|_| 8.0 * random.normal()).collect();
    centroids.extend_from_within(..DIM);
    let near = |row: usize| if row < tied { 0 } else { 1 + row % 38 };
    let values: Vec<f64> = (0..2048)
        .flat_map(|row| centroids[near(row) * DIM..][..DIM].to_vec())
        .map(|value| value + 0.1 * random.normal())
        .collect();
    let mut values_of = centroids.into_iter();
    let centroids = Centroids::new(false, 40, DIM, || values_of.next().expect("40 centroids"));
    let points = Points::new(Dtype::F32, DIM, values);
    Search::new(Case { points, levels: vec![(centroids, vec![1; 2048])], tile_rows: 0, keep_rows: false })
}

#[test]
fn a_few_undecided_rows_come_with_the_results() -> Result<()> {
    on_every_adapter(&GpuOptions::default(), |backend, name| {
        let submits = |tied: usize| -> Result<u64> {
            let search = beside_centroids(tied);
            let mut found = Vec::new();
            let traffic = counted(backend, || {
                found = search.run(backend)?.0;
                Ok(())
            })?;
            assert_eq!(search.wrong(&found), None, "{name}: {tied} tied rows");
            Ok(traffic.submits)
        };
        let none = submits(0)?;
        assert_eq!(submits(10)?, none, "{name}: ten rows");
        assert!(submits(1000)? > none, "{name}: half of the rows are fetched");
        Ok(())
    })
}

/// A lane with all points of the case.
fn with_points<T>(backend: &GpuBackend, case: &Case, run: impl FnOnce(&mut dyn Lane) -> Result<T>) -> Result<T> {
    let job = Job { sums: true, ..case.job() };
    let tiling = backend.tiling(&job)?;
    assert!(tiling.tile_rows >= case.points.rows(), "one tile");
    let mut lane = backend.lane(&job, tiling)?;
    lane.staging(case.points.rows()).copy_from_slice(&case.points.bytes);
    lane.upload()?;
    run(lane.as_mut())
}

#[test]
fn two_labellings_are_summed_in_one_go_with_the_same_bits() -> Result<()> {
    // with the lower limit, the sums of both come back in many batches
    for (max_binding, k) in [(None, 40), (Some(128 << 10), 900)] {
        on_every_adapter(&GpuOptions { max_binding, ..GpuOptions::default() }, |backend, name| {
            let mut case = random_case(61, (1000, 9, k), Dtype::F32, false, 3.0);
            case.tile_rows = 1000;
            let first = case.levels[0].1.clone();
            let mut second = first.clone();
            second.rotate_left(17);
            second.iter_mut().step_by(3).for_each(|label| *label = UNLABELLED);
            for labels in [[&first, &second], [&second, &vec![UNLABELLED; 1000]]] {
                with_points(backend, &case, |lane| {
                    let (mut alone, mut both) = ([(); 2].map(|()| GroupSums::default()), <[GroupSums; 2]>::default());
                    let apart = counted(backend, || {
                        labels.iter().zip(&mut alone).try_for_each(|(labels, out)| lane.cluster_sums(labels, out))
                    })?;
                    let [one, other] = &mut both;
                    let together =
                        counted(backend, || lane.cluster_sums_of_both([labels[0], labels[1]], [one, other]))?;
                    assert_eq!(alone, both, "{name}");
                    let empty = both[1].clusters.is_empty();
                    assert!(together.submits < apart.submits || empty, "{name}: {together:?} and {apart:?}");
                    Ok(())
                })?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

#[test]
fn the_few_rows_of_a_sparse_tile_are_left_to_the_host() -> Result<()> {
    on_every_adapter(&GpuOptions::default(), |backend, name| {
        let mut case = random_case(62, (5000, 9, 40), Dtype::F32, false, 3.0);
        case.tile_rows = 5000;
        for (labelled, on_device) in [(20, false), (500, true)] {
            let keep = |row: usize| row % (5000 / labelled) == 7;
            let labels: Vec<u32> =
                (0..5000).map(|row| if keep(row) { (row % 40) as u32 } else { UNLABELLED }).collect();
            let (mut sums, mut observation) = (GroupSums::default(), TileObservation::default());
            let traffic = with_points(backend, &case, |lane| {
                counted(backend, || {
                    lane.cluster_sums(&labels, &mut sums)?;
                    lane.own_distances(&[&labels], &mut observation)
                })
            })?;
            assert_eq!(traffic.dispatches > 0, on_device, "{name}: {labelled} rows, {traffic:?}");
            let rows = || (0..5000).filter(|&row| keep(row)).map(|row| (case.points.row(row), labels[row]));
            for (cluster, (sum, _)) in sums.iter() {
                let of = rows().filter(|(_, label)| *label == cluster);
                let expected =
                    of.fold(vec![0.0; 9], |sum: Vec<f64>, (row, _)| sum.iter().zip(row).map(|(s, v)| s + v).collect());
                let off = sum.iter().zip(&expected).map(|(a, b)| (a - b).abs() / b.abs().max(1.0)).fold(0.0, f64::max);
                assert!(off <= 1e-6, "{name}: cluster {cluster} is off by {off}");
            }
            let inertia: f64 = observation.levels[0].runs.iter().map(|run| run.inertia).sum();
            let centroids = &case.levels[0].0;
            let expected: f64 = rows().map(|(row, label)| naive(row, &centroids.row(label as usize))).sum();
            assert!((inertia / expected - 1.0).abs() <= 1e-6, "{name}: {inertia} and {expected}");
            let count: u32 = observation.levels[0].runs.iter().map(|run| run.count).sum();
            assert_eq!(count as usize, labelled, "{name}");
        }
        Ok(())
    })
}
