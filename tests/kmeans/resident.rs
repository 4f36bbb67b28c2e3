//! Points that a GPU keeps between passes: results stay the same, and iterations upload no points.

use clustrata::backend::gpu::{GpuBackend, GpuOptions, adapters};
use clustrata::backend::{Backend, Traffic};
use clustrata::kmeans::{Fitted, Init};

use clustrata::base::matrix::Dtype;

use crate::data::{Stored, fit};

const ROWS: usize = 6000;
const DIM: usize = 64;
const CLUSTERS: usize = 40;

/// Runs `test` with a function that opens the first adapter, if there is one.
fn with_adapter(test: impl Fn(&dyn Fn(GpuOptions) -> GpuBackend)) {
    let Some(first) = adapters().into_iter().find(|adapter| adapter.unusable.is_none()) else {
        println!("skipped on a GPU backend: no Vulkan, Metal or DX12 adapter");
        return;
    };
    test(&|options| GpuBackend::open(first.index, options).expect("opens"));
}

/// Fits with this many iterations from a random start. Returns the fit, and the device's counters for it.
fn run(backend: &GpuBackend, points: &Stored, iterations: u32) -> (Fitted, Traffic) {
    let before = backend.traffic().expect("a GPU counts");
    let mut fit = fit(points, backend, CLUSTERS, iterations);
    fit.init = Init::Random;
    let fitted = fit.run().expect("runs");
    (fitted, backend.traffic().expect("a GPU counts").since(before))
}

fn points() -> Stored {
    Stored::groups(5, (ROWS, DIM), 60, 0.0, Dtype::F32)
}

#[test]
fn an_iteration_uploads_centroids_and_labels_but_no_points() {
    with_adapter(|open| {
        let (points, backend) = (points(), open(GpuOptions::default()));
        let bytes = (ROWS * DIM * 4) as u64;
        let (_, first) = run(&backend, &points, 1);
        let (long, all) = run(&backend, &points, 7);
        assert_eq!(long.objectives.len(), 7, "the iterations must not end early");
        assert!(first.bytes_up >= bytes && all.bytes_up < 2 * bytes, "{first:?} {all:?}");
        // hi/lo parts and centred centroids go up; sums come down as pairs, for joined and left clusters
        let (table, rows) = ((CLUSTERS * DIM * 4) as u64, ROWS as u64);
        let each = (all.bytes_up + all.bytes_down - first.bytes_up - first.bytes_down) / 6;
        assert!(each <= 8 * table + 20 * rows, "{each} bytes an iteration, {table} in the centroids, {rows} rows");
        let submits = (all.submits - first.submits) / 6;
        assert!(submits <= 40, "{submits} submissions an iteration");
        assert_eq!(all.allocations, 1, "buffers are reused, except the store of the points: {all:?}");
        // negative control: without a store, the points go up in every iteration
        let streaming = open(GpuOptions { kept_bytes: Some(0), ..GpuOptions::default() });
        let (streamed, all) = run(&streaming, &points, 7);
        assert!(all.bytes_up > 3 * bytes, "{all:?}");
        assert_eq!(streamed, long, "resident or not, the bits are the same");
    });
}

#[test]
fn results_agree_if_only_some_points_are_kept_or_memory_is_short() {
    with_adapter(|open| {
        let points = points();
        let chunk = 1000 * DIM as u64 * 4;
        let options = |kept_bytes, memory_bytes| GpuOptions {
            max_binding: Some(chunk.max(128 << 10)),
            kept_bytes,
            memory_bytes,
            ..GpuOptions::default()
        };
        let (expected, all) = run(&open(options(None, None)), &points, 6);
        let (half, some) = run(&open(options(Some(3 * chunk), None)), &points, 6);
        assert_eq!(half, expected);
        assert!(some.bytes_up > all.bytes_up + 3 * 5 * chunk / 2, "three of six chunks are streamed: {some:?} {all:?}");
        // from plenty of memory to almost none
        let mut refused = 0;
        for memory in [64 << 20, 16 << 20, 8 << 20, 4 << 20, 2 << 20, 1 << 20, 256 << 10, 4 << 10] {
            let backend = open(options(None, Some(memory)));
            let mut fit = fit(&points, &backend, CLUSTERS, 6);
            fit.init = Init::Random;
            match fit.run() {
                Ok(fitted) => {
                    assert_eq!(fitted.moved, expected.moved, "{memory} bytes");
                    let off = fitted.objectives.iter().zip(&expected.objectives).map(|(a, b)| (a / b - 1.0).abs());
                    assert!(off.fold(0.0, f64::max) < 1e-6, "{memory} bytes");
                }
                Err(error) => {
                    assert!(error.to_string().contains("out of memory"), "{memory} bytes: {error}");
                    refused += 1;
                }
            }
        }
        assert!((1..=2).contains(&refused), "{refused} of 8 limits are refused");
    });
}
