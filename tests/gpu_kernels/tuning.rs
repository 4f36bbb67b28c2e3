//! The shapes of the search change from tile to tile, and the results stay the same to the last bit.

use clustrata::backend::gpu::{GpuBackend, GpuOptions, KernelShape};
use clustrata::backend::{Backend, ShapeSource, Top2, Tuning};
use clustrata::base::error::Result;
use clustrata::base::matrix::Dtype;

use crate::case::{random_case, usable};
use crate::search::Search;

const SHAPES: [KernelShape; 4] =
    [KernelShape::PerInvocation, KernelShape::WorkgroupTile, KernelShape::RegisterTile, KernelShape::SmallRegisterTile];

/// A search in tiles of 50 rows, some of them close to ties.
fn search() -> Search {
    let mut case = random_case(71, (2000, 40, 90), Dtype::F32, false, 0.5);
    case.tile_rows = 50;
    Search::new(case)
}

fn bits(found: &[Top2]) -> Vec<(u32, u64)> {
    found.iter().flat_map(|row| row.clusters.into_iter().zip(row.squared.map(f64::to_bits))).collect()
}

#[test]
fn tiles_take_shapes_in_turn_and_the_result_is_that_of_each() -> Result<()> {
    let search = search();
    for listing in usable() {
        let name = &listing.info.name;
        let open = |shapes: &[KernelShape]| {
            GpuBackend::open(
                listing.index,
                GpuOptions { search_shapes: Some(shapes.to_vec()), ..GpuOptions::default() },
            )
        };
        let tuning = open(&SHAPES)?;
        let (found, sums) = search.run(&tuning)?;
        let tuned = tuning.tuned();
        assert_eq!(tuned.len(), 1, "{name}: one shape class: {tuned:?}");
        let rates = &tuned[0].rates;
        assert_eq!(rates.len(), 4, "{name}: every shape is timed: {tuned:?}");
        let best = rates.iter().max_by(|a, b| a.1.total_cmp(b.1)).map(|(shape, _)| shape);
        assert_eq!(best, Some(&tuned[0].shape), "{name}");
        assert_eq!((tuned[0].columns, tuned[0].clusters, tuned[0].dtype.as_str()), (40, 128, "<f4"));
        assert_eq!(search.wrong(&found), None, "{name}");
        for shape in SHAPES {
            let fixed = open(&[shape])?;
            let (alone, alone_sums) = search.run(&fixed)?;
            assert_eq!(bits(&alone), bits(&found), "{name}: {shape:?}");
            assert_eq!(alone_sums, sums, "{name}: {shape:?}");
            let tuned = fixed.tuned();
            assert_eq!((tuned[0].shape.as_str(), tuned[0].source), (shape.name(), ShapeSource::Asked), "{name}");
        }
        // a negative control: a row that is not what it was
        let mut other = search.run(&tuning)?.0;
        other[7].squared[0] = other[7].squared[0].next_up();
        assert_ne!(bits(&other), bits(&found), "{name}");
    }
    Ok(())
}

#[test]
fn a_shape_that_is_asked_for_wins_and_without_tuning_nothing_is_timed() -> Result<()> {
    let search = search();
    for listing in usable() {
        let asked = GpuOptions { kernel_shape: KernelShape::WorkgroupTile, ..GpuOptions::default() };
        let backend = GpuBackend::open(listing.index, asked)?;
        search.run(&backend)?;
        let tuned = backend.tuned();
        assert_eq!((tuned[0].shape.as_str(), tuned[0].source), ("workgroup-tile", ShapeSource::Asked));
        assert!(tuned[0].rate().is_some_and(|rate| rate > 0.0), "{tuned:?}");
        let off = GpuBackend::open(listing.index, GpuOptions { tuning: Tuning::Off, ..GpuOptions::default() })?;
        search.run(&off)?;
        let tuned = off.tuned();
        assert_eq!((tuned[0].source, tuned[0].rates.len()), (ShapeSource::Default, 0));
        let usual = GpuBackend::open(listing.index, GpuOptions::default())?;
        search.run(&usual)?;
        assert_eq!(usual.tuned()[0].rates.is_empty(), listing.info.kind != "software", "{:?}", usual.tuned());
    }
    Ok(())
}
