//! The map of a run, drawn beside its passes: it needs the centroids and a few points, and one thread.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use crate::base::error::Result;
use crate::plan::Plan;
use crate::plan::settings::MapKind;
use crate::report::map::{self, FittedMap};

/// The map, if there is one, and the seconds that it took.
pub(super) type Mapped = (Result<Option<FittedMap>>, f64);

/// A map that is being drawn, or will be.
pub(super) struct Mapping(Option<JoinHandle<Mapped>>);

impl Mapping {
    /// Begins to draw the map, unless none is wanted or the run is to have one thread. A run that fails does not wait for it.
    pub(super) fn begin(plan: &Arc<Plan>) -> Mapping {
        let alone = plan.settings.threads.is_some_and(|threads| threads.get() == 1);
        if alone || plan.settings.map == MapKind::None {
            return Mapping::later();
        }
        let plan = Arc::clone(plan);
        let drawing = thread::Builder::new().name("map".to_owned()).spawn(move || draw(&plan));
        // without another thread, it is drawn in the end
        Mapping(drawing.ok())
    }

    /// It is drawn when it is needed.
    pub(super) fn later() -> Mapping {
        Mapping(None)
    }

    /// The map, as soon as it is there.
    pub(super) fn end(self, plan: &Plan) -> Mapped {
        let Some(drawing) = self.0 else { return draw(plan) };
        if !drawing.is_finished() {
            tracing::info!("waiting for the map");
        }
        drawing.join().unwrap_or_else(|panic| resume_unwind(panic))
    }
}

fn draw(plan: &Plan) -> Mapped {
    let clock = Instant::now();
    tracing::info!("drawing the map");
    (map::of_run(plan), clock.elapsed().as_secs_f64())
}
