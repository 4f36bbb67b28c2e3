//! What benches/kmeans.py times: one k-means of a file, told by the environment, and a line of JSON.

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Instant;

use clustrata::backend::select::{Choice, open};
use clustrata::error::Findings;
use clustrata::evaluate::{StageWatch, Watch};
use clustrata::input::embeddings::Embeddings;
use clustrata::kmeans::{EmbeddingPoints, Init, assign};

use crate::data::fit;

/// Seconds by stage.
struct Stages(Mutex<Vec<(&'static str, f64)>>);

struct Stage<'a>(&'a Stages, &'static str, Instant);

impl Watch for Stages {
    fn begin(&self, stage: &'static str, _: u64, _: u64) -> Box<dyn StageWatch + '_> {
        Box::new(Stage(self, stage, Instant::now()))
    }

    fn cancelled(&self) -> bool {
        false
    }
}

impl StageWatch for Stage<'_> {
    fn advance(&self, _: u64) {}
}

impl Drop for Stage<'_> {
    fn drop(&mut self) {
        self.0.0.lock().expect("no panic").push((self.1, self.2.elapsed().as_secs_f64()));
    }
}

#[test]
#[ignore = "a benchmark: benches/run kmeans"]
fn speed() {
    let setting = |name: &str| std::env::var(format!("CLUSTRATA_BENCH_{name}")).unwrap_or_default();
    let number = |name: &str| setting(name).parse::<u32>().unwrap_or_else(|_| panic!("CLUSTRATA_BENCH_{name}"));
    let embeddings = Embeddings::open(&[PathBuf::from(setting("DATA"))], &mut Findings::new()).expect("opens");
    let points = EmbeddingPoints { embeddings: &embeddings, subset: None };
    let device = open(&Choice::parse(&setting("DEVICE")), None).expect("a device");
    let stages = Stages(Mutex::default());
    let mut fit = fit(&points, device.backend.as_ref(), number("K") as usize, number("ITERATIONS"));
    fit.watch = &stages;
    fit.seed = u64::from(number("SEED"));
    fit.init = if setting("INIT") == "random" { Init::Random } else { Init::KmeansPlusPlus };
    let started = Instant::now();
    let found = fit.run().expect("clusters");
    let seconds = started.elapsed().as_secs_f64();
    let inertia = assign(&points, device.backend.as_ref(), &found.centroids, &stages).expect("assigns").inertia();
    let stages = stages.0.into_inner().expect("no panic");
    let said = serde_json::json!({
        "seconds": seconds, "stages": stages, "objectives": found.objectives, "moved": found.moved,
        "searched": found.searched, "value": inertia,
    });
    println!("{said}");
}
