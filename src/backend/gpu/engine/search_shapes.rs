//! Which kernel searches: chosen per shape class, shared by all lanes of a device.

use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Instant;

use super::options::{GpuOptions, KernelShape, nominal_rate};
use super::tuning::{ShapeClass, Tuner};
use super::tuning_cache::TuningCache;
use super::units::{OCTET, wide};
use crate::backend::{DeviceInfo, ShapeSource, Tuned, Tuning};
use crate::base::text::rate;

/// How long a common device of the kind takes at least for a search that is worth remembering: the fixed costs of a submission
/// are small beside it.
const TELLING_SECONDS: f64 = 1e-3;

/// A search, or a pass of searches, as an amount of work.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SearchWork {
    pub(crate) class: ShapeClass,
    /// Operations of this search, and of its whole pass; a multiply-add counts as two.
    pub(crate) operations: f64,
    pub(crate) planned: f64,
}

/// The choice of one class.
#[derive(Debug)]
struct Chosen {
    class: ShapeClass,
    tuner: Tuner,
    from_cache: bool,
    /// Whether it was logged.
    told: bool,
}

#[derive(Debug, Default)]
struct State {
    classes: Vec<Chosen>,
    /// Whether a search is being timed.
    timing: bool,
}

/// The shapes of a device's searches.
#[derive(Debug)]
pub(crate) struct SearchShapes {
    /// The default first.
    candidates: Vec<KernelShape>,
    /// Whether the caller chose the candidates.
    asked: bool,
    measures: bool,
    /// Fewest operations of a search whose time says something about longer ones.
    telling: f64,
    lanes: usize,
    state: Mutex<State>,
    /// Held alone by a search that is timed, and shared by all others: lanes that compute at the same time would slow it down.
    quiet: RwLock<()>,
    cache: Option<TuningCache>,
}

/// Keeps other searches from being timed, or from running.
#[expect(dead_code, reason = "guards are held, not read")]
enum Quiet<'a> {
    Alone(RwLockWriteGuard<'a, ()>),
    Shared(RwLockReadGuard<'a, ()>),
}

/// One search in a chosen shape.
pub(crate) struct Turn<'a> {
    shapes: &'a SearchShapes,
    _quiet: Quiet<'a>,
    work: SearchWork,
    shape: KernelShape,
    /// When it began, if it is timed.
    started: Option<Instant>,
    timed: bool,
}

impl SearchShapes {
    /// For a device that was opened with `options`, which must be resolved.
    pub(crate) fn new(options: &GpuOptions, info: &DeviceInfo) -> SearchShapes {
        let (candidates, asked) = match &options.search_shapes {
            Some(shapes) => (shapes.clone(), true),
            None => (options.candidates(info.kind == "software"), options.shape_asked),
        };
        let cache = match &options.tuning {
            Tuning::Kept(folder) => Some(TuningCache::open(folder, info)),
            Tuning::EachRun | Tuning::Off => None,
        };
        SearchShapes {
            candidates,
            asked,
            measures: options.tuning != Tuning::Off,
            telling: nominal_rate(info.kind) * TELLING_SECONDS,
            lanes: options.lanes.unwrap_or(1),
            state: Mutex::default(),
            quiet: RwLock::default(),
            cache,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Chooses the shape of a search among those that `fit` its rows. A lane is `steady` if its last search was one that could
    /// have been timed. Waits while another search is timed.
    pub(crate) fn turn(&self, work: SearchWork, steady: bool, fits: impl Fn(KernelShape) -> bool) -> Turn<'_> {
        let (shape, timed) = {
            let mut state = self.state();
            let steady = steady && self.measures && !state.timing;
            let (shape, timed) =
                self.chosen(&mut state, work.class, fits).tuner.next(work.operations, work.planned, steady);
            state.timing |= timed;
            (shape, timed)
        };
        let quiet = match timed {
            true => Quiet::Alone(self.quiet.write().unwrap_or_else(PoisonError::into_inner)),
            false => Quiet::Shared(self.quiet.read().unwrap_or_else(PoisonError::into_inner)),
        };
        Turn { shapes: self, _quiet: quiet, work, shape, started: None, timed }
    }

    fn chosen<'s>(
        &self,
        state: &'s mut State,
        class: ShapeClass,
        fits: impl Fn(KernelShape) -> bool,
    ) -> &'s mut Chosen {
        let place = state.classes.iter().position(|chosen| chosen.class == class).unwrap_or_else(|| {
            state.classes.push(self.first_choice(class, fits));
            state.classes.len() - 1
        });
        &mut state.classes[place]
    }

    /// What is known about a class before its first search.
    fn first_choice(&self, class: ShapeClass, fits: impl Fn(KernelShape) -> bool) -> Chosen {
        let fitting = |shapes: &[KernelShape]| -> Vec<KernelShape> {
            shapes.iter().copied().filter(|shape| fits(*shape)).collect()
        };
        let mut shapes = fitting(&self.candidates);
        if shapes.is_empty() {
            shapes.extend(self.candidates.first());
        }
        let cached = self.cache.as_ref().filter(|_| !self.asked).and_then(|cache| cache.get(class));
        // `devices --tune` may have chosen a shape that is not worth trying in a run
        let every = fitting(&KernelShape::EVERYWHERE);
        let cached =
            cached.and_then(|(name, rate)| Some((every.into_iter().find(|shape| shape.name() == name)?, rate)));
        let chosen = match cached {
            Some((shape, rate)) => Chosen { class, tuner: Tuner::known(shape, rate), from_cache: true, told: true },
            None => Chosen { class, tuner: Tuner::new(shapes, !self.asked), from_cache: false, told: false },
        };
        if chosen.from_cache {
            self.log(&chosen);
        }
        chosen
    }

    /// Ends a turn: `seconds` if it was timed undisturbed.
    fn ended(&self, work: SearchWork, shape: KernelShape, seconds: Option<f64>) {
        let mut state = self.state();
        state.timing = false;
        let Some(chosen) = state.classes.iter_mut().find(|chosen| chosen.class == work.class) else { return };
        chosen.tuner.tell(shape, work.operations, seconds);
        if chosen.told || !chosen.tuner.is_settled() {
            return;
        }
        chosen.told = true;
        self.log(chosen);
        let best = chosen.tuner.best();
        let rate = chosen.tuner.rates().find(|(shape, _)| *shape == best).map(|(_, rate)| rate);
        let telling = chosen.tuner.fewest() >= self.telling;
        drop(state);
        if let (Some(rate), true) = (rate, telling && !self.asked) {
            self.keep(work.class, best, rate);
        }
    }

    /// Writes the choice for a class to the cache, if there is one.
    pub(crate) fn keep(&self, class: ShapeClass, shape: KernelShape, rate: f64) {
        if let Some(cache) = &self.cache {
            cache.put(class, shape, rate);
        }
    }

    /// Operations per second of a class in its best shape, and whether it is settled; `None` before the first measurement.
    pub(crate) fn rate_of(&self, class: ShapeClass) -> Option<(f64, bool)> {
        let state = self.state();
        let tuner = &state.classes.iter().find(|chosen| chosen.class == class)?.tuner;
        let rate = tuner.rates().map(|(_, rate)| rate).max_by(f64::total_cmp)?;
        Some((rate, tuner.is_settled()))
    }

    fn log(&self, chosen: &Chosen) {
        let tuned = self.tuned_class(chosen);
        let how = match tuned.source {
            ShapeSource::Measured => "the fastest of those timed",
            ShapeSource::Cache => "the fastest of an earlier run",
            ShapeSource::Default => "the only candidate",
            ShapeSource::Asked => return,
        };
        let (Tuned { columns, clusters, dtype, shape, .. }, rate) = (&tuned, rate(tuned.rate().unwrap_or(0.0)));
        tracing::info!("search of {columns} columns and up to {clusters} clusters ({dtype}): {shape}, {how}, {rate}");
    }

    /// The choice of every class that was searched.
    pub(crate) fn tuned(&self) -> Vec<Tuned> {
        self.state().classes.iter().map(|chosen| self.tuned_class(chosen)).collect()
    }

    fn tuned_class(&self, chosen: &Chosen) -> Tuned {
        let rates: std::collections::BTreeMap<String, f64> =
            chosen.tuner.rates().map(|(shape, rate)| (shape.name().to_owned(), rate)).collect();
        let source = match (self.asked, chosen.from_cache) {
            (true, _) => ShapeSource::Asked,
            (false, true) => ShapeSource::Cache,
            (false, false) if rates.len() > 1 => ShapeSource::Measured,
            (false, false) => ShapeSource::Default,
        };
        Tuned {
            columns: u64::from(chosen.class.octets) * wide(OCTET),
            clusters: chosen.class.clusters,
            dtype: chosen.class.dtype.descr().to_owned(),
            shape: chosen.tuner.best().name().to_owned(),
            source,
            lanes: self.lanes,
            rates,
        }
    }

    /// Operations per second that an earlier run measured on this device.
    pub(crate) fn known_rate(&self) -> Option<f64> {
        self.cache.as_ref().and_then(TuningCache::rate)
    }
}

impl Turn<'_> {
    pub(crate) fn shape(&self) -> KernelShape {
        self.shape
    }

    /// Call right before the first submission.
    pub(crate) fn start(&mut self) {
        self.started = self.timed.then(Instant::now);
    }

    /// Call once the result is there. Nothing is learned unless the search was `undisturbed`.
    pub(crate) fn end(mut self, undisturbed: bool) {
        let seconds = self.started.map(|started| started.elapsed().as_secs_f64());
        if std::mem::take(&mut self.timed) {
            self.shapes.ended(self.work, self.shape, seconds.filter(|_| undisturbed));
        }
    }
}

/// A search that fails must not keep others from being timed.
impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if self.timed {
            self.shapes.state().timing = false;
        }
    }
}
