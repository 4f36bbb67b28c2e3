//! Settings and inputs, checked against each other. No device is needed for that: what is wrong with a job is known before
//! it is submitted.

use std::time::Instant;

use super::{Plan, centre, work};
use crate::backend::select::{self, Choice, Selected};
use crate::base::error::{Error, Finding, Findings, Result};
use crate::evaluate::Nonfinite;
use crate::formats::embeddings::Embeddings;
use crate::formats::hierarchy::{Hierarchy, HierarchyOptions};
use crate::formats::labels::Labels;
use crate::formats::names::Names;
use crate::formats::subset;
use crate::formats::upstream::Upstream;
use crate::metrics::{self, Metric, Need};
use crate::plan::cost;
use crate::plan::record::RankingRequest;
use crate::plan::settings::Settings;

/// Inputs that are open and fit each other and the settings.
pub struct Checked {
    /// Every setting, with what was inferred filled in.
    pub settings: Settings,
    /// The rows.
    pub embeddings: Embeddings,
    /// Labels and centroids.
    pub hierarchy: Hierarchy,
    /// Names of the images.
    pub names: Option<Names>,
    /// What the user says the rows are.
    pub labels: Option<Labels>,
    /// Indices (0-based) of the levels to evaluate, ascending.
    pub levels: Vec<usize>,
    /// The figures that are asked for.
    pub metrics: Vec<&'static dyn Metric>,
    /// How clusters are ranked.
    pub ranking: RankingRequest,
    /// What the user should know.
    pub warnings: Vec<String>,
    started: Instant,
}

impl Checked {
    /// Opens and checks everything; reports all findings together.
    pub fn open(mut settings: Settings) -> Result<Checked> {
        let started = Instant::now();
        check_paths(&settings)?;
        let mut findings = Findings::new();
        let mut warnings = Vec::new();
        infer_from_upstream(&mut settings, &mut findings, &mut warnings);
        // where there are none, that has been said
        let named = !settings.embeddings.is_empty();
        let embeddings = if named { Embeddings::open(&settings.embeddings, &mut findings) } else { None };
        let names = settings.images.as_deref().and_then(|path| findings.take(Names::open(path)));
        let hierarchy = embeddings.as_ref().and_then(|e| open_hierarchy(&settings, e, &mut findings, &mut warnings));
        if embeddings.is_none() {
            Hierarchy::look_for_files(&settings.clustering, &settings.levels, &mut findings);
        }
        let labels = match (&embeddings, &settings.labels) {
            (Some(embeddings), Some(path)) => findings.take(Labels::read(path, embeddings.rows())),
            _ => None,
        };
        if let (Some(embeddings), Some(names)) = (&embeddings, &names) {
            check_names(&settings, embeddings, names, &mut findings);
        }
        findings.into_result()?;
        let (Some(embeddings), Some(hierarchy)) = (embeddings, hierarchy) else {
            return Err(Error::input(Finding::new("the inputs could not be opened")));
        };
        let levels = choose_levels(&mut settings, &hierarchy);
        check_gates(&settings)?;
        let metrics = metrics::select(&settings.metrics).map_err(Error::usage)?;
        let ranking = RankingRequest {
            by: metrics::ranked_by(&settings.rank_by).map_err(Error::usage)?,
            min_size: settings.montage_min_size,
            best: settings.best,
            worst: settings.worst,
        };
        Ok(Checked { settings, embeddings, hierarchy, names, labels, levels, metrics, ranking, warnings, started })
    }

    /// Opens the device and settles which figures are computed on it.
    pub fn on_device(self) -> Result<Plan> {
        let Checked { mut settings, labels, levels, mut metrics, ranking, mut warnings, started, .. } = self;
        let (embeddings, hierarchy, names) = (self.embeddings, self.hierarchy, self.names);
        let Selected { backend, reason } = select::open(&Choice::parse(&settings.device), settings.threads)?;
        let device = backend.describe();
        if device.kind == "software" {
            warnings.push(format!("`{}` is a software rasterizer, not a GPU: --device cpu is faster", device.name));
        }
        let work = work(&embeddings, &hierarchy, &levels, backend.as_ref());
        cost::settle(&mut metrics, &mut settings, &work, &mut warnings)?;
        let needs = cost::needs(&metrics);
        let subtracts = |need: &Need| !matches!(need, Need::Labels | Need::Neighbours);
        let centre = if needs.iter().any(subtracts) { centre(&hierarchy.levels[levels[0]]) } else { Vec::new() };
        let seconds = started.elapsed().as_secs_f64();
        Ok(Plan {
            settings,
            embeddings,
            hierarchy,
            names,
            labels,
            levels,
            metrics,
            needs,
            centre,
            ranking,
            backend,
            device,
            reason,
            warnings,
            seconds,
        })
    }

    /// Whether a run in parts takes a second round over the parts: some figures need the first results of all rows.
    pub fn takes_two_rounds(&self) -> bool {
        two_rounds(&cost::needs(&self.metrics), self.settings.nonfinite)
    }
}

/// Whether figures need what was found over all rows before they can be taken of any.
pub(super) fn two_rounds(needs: &[Need], nonfinite: Nonfinite) -> bool {
    let second = |need: &Need| matches!(need, Need::Means | Need::MeanNeighbours | Need::Silhouette);
    // rows that are left out can empty clusters, which are then searched without
    needs.iter().any(second) || (nonfinite == Nonfinite::Skip && needs.contains(&Need::Search))
}

/// The record and config.yaml name every path, and neither JSON nor YAML can hold one that is not UTF-8.
fn check_paths(settings: &Settings) -> Result<()> {
    let optional = [&settings.images, &settings.image_root, &settings.subset_indices, &settings.labels];
    let optional = optional.into_iter().flatten();
    for path in optional.chain([&settings.clustering, &settings.out]).chain(&settings.embeddings) {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        if absolute.to_str().is_none() {
            let finding = Finding::new("a path is not UTF-8, so the record of the run can't name it").file(absolute);
            return Err(Error::usage(finding.expected("UTF-8").hint("rename it, or name a link to it that is UTF-8")));
        }
    }
    Ok(())
}

/// Fills in what upstream's config.yaml tells and the user did not.
fn infer_from_upstream(settings: &mut Settings, findings: &mut Findings, warnings: &mut Vec<String>) {
    let needed = settings.embeddings.is_empty() || settings.subset_indices.is_none();
    let upstream = if needed { Upstream::read(&settings.clustering, &mut Vec::new()) } else { None };
    let upstream = upstream.unwrap_or_default();
    if settings.embeddings.is_empty() {
        let told = &upstream.embeddings_path;
        match (told.first(), told.iter().find(|path| !path.exists())) {
            (Some(first), None) => {
                let more = if told.len() > 1 { format!(" and {} more", told.len() - 1) } else { String::new() };
                warnings.push(format!("--embeddings not given: {}{more} is taken from config.yaml", first.display()));
                settings.embeddings = told.clone();
            }
            (_, missing) => {
                let mut finding = Finding::new("no embeddings were named").hint("add --embeddings X.npy");
                if let Some(path) = missing {
                    finding = finding.found(format!("config.yaml names {}, which does not exist here", path.display()));
                }
                findings.push_usage(finding);
            }
        }
    }
    if settings.subset_indices.is_none()
        && let Some(path) = upstream.subset_path(&settings.clustering)
    {
        if path.exists() {
            warnings.push(format!("only the rows in {} were clustered, says config.yaml", path.display()));
            settings.subset_indices = Some(path);
        } else {
            findings.push(
                Finding::new(
                    "config.yaml says that only a subset of the rows was clustered, and its file is not there",
                )
                .file(path)
                .hint("name the .npy of row numbers with --subset-indices"),
            );
        }
    }
}

fn open_hierarchy(
    settings: &Settings,
    embeddings: &Embeddings,
    findings: &mut Findings,
    warnings: &mut Vec<String>,
) -> Option<Hierarchy> {
    let subset = match &settings.subset_indices {
        Some(path) => Some(findings.take(subset::read(path, embeddings.rows()))?),
        None => None,
    };
    let options =
        HierarchyOptions { subset, allow_unassigned: settings.allow_unassigned, levels: settings.levels.clone() };
    Hierarchy::open(&settings.clustering, embeddings.rows(), embeddings.dim(), options, findings, warnings)
}

fn check_names(settings: &Settings, embeddings: &Embeddings, names: &Names, findings: &mut Findings) {
    if let Some(root) = settings.image_root.as_deref().filter(|root| !root.is_dir()) {
        let finding = Finding::new("the folder of the images is not there").file(root);
        findings.push(finding.expected("a folder that relative image paths start from").hint("correct --image-root"));
    }
    if names.len() != embeddings.rows() {
        let file = settings.images.clone().unwrap_or_default();
        findings.push(
            Finding::new("the names of the images don't match the embeddings")
                .file(file)
                .expected(format!("{} names, one per row of the embeddings", embeddings.rows()))
                .found(format!("{} names", names.len()))
                .hint("name the file that was written with these embeddings"),
        );
    }
}

/// Refuses gates on levels that are not evaluated.
fn check_gates(settings: &Settings) -> Result<()> {
    let mut findings = Findings::new();
    for gate in &settings.gates {
        if let Err(wrong) = gate.levels.check(&settings.levels) {
            findings.push_usage(wrong.found(format!("`{gate}`")));
        }
    }
    findings.into_result()
}

/// The levels asked for, as indices; fills in the setting.
fn choose_levels(settings: &mut Settings, hierarchy: &Hierarchy) -> Vec<usize> {
    let there: Vec<u32> = hierarchy.levels.iter().map(|level| level.number).collect();
    if settings.levels.is_empty() {
        settings.levels.clone_from(&there);
    }
    settings.levels.sort_unstable();
    settings.levels.dedup();
    // the hierarchy was refused if one of them were not there
    (0..there.len()).filter(|&index| settings.levels.contains(&there[index])).collect()
}
