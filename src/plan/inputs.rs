//! Settings and inputs, checked against each other. This needs no device, so that errors are found before a job is submitted.

use std::time::Instant;

use crate::base::error::{Error, Finding, Findings, Result};
use crate::engine::checkpoint_store::Chain;
use crate::evaluate::Nonfinite;
use crate::formats::embeddings::Embeddings;
use crate::formats::hierarchy::{AssignmentOptions, AssignmentSource, Hierarchy, HierarchyOptions};
use crate::formats::labels::Labels;
use crate::formats::names::Names;
use crate::formats::subset;
use crate::formats::upstream::Upstream;
use crate::metrics::gates::Subject;
use crate::metrics::{self, Metric, Need};
use crate::plan::cost;
use crate::plan::normalize;
use crate::plan::settings::Settings;

/// Open inputs that are consistent with each other and with the settings.
pub struct CheckedInputs {
    /// All settings, with inferred values filled in.
    pub settings: Settings,
    /// The embeddings.
    pub embeddings: Embeddings,
    /// Clusters and centroids of all levels.
    pub hierarchy: Hierarchy,
    /// Names of the images; `None` without `--images`.
    pub names: Option<Names>,
    /// The user's labels; `None` without `--labels`.
    pub labels: Option<Labels>,
    /// Indices (0-based, ascending) of the levels to evaluate.
    pub levels: Vec<usize>,
    /// The metrics to compute.
    pub metrics: Vec<&'static dyn Metric>,
    /// Warnings for the user.
    pub warnings: Vec<String>,
    /// When checking began.
    pub(super) started: Instant,
}

impl CheckedInputs {
    /// Opens and checks all inputs.
    ///
    /// # Errors
    /// All findings together: files that are missing or damaged, and inputs or settings that contradict each other.
    pub fn open(mut settings: Settings) -> Result<CheckedInputs> {
        let started = Instant::now();
        check_paths(&settings)?;
        let mut findings = Findings::new();
        let mut warnings = Vec::new();
        infer_from_upstream(&mut settings, &mut findings, &mut warnings);
        // without a path, that has been reported already
        let named = !settings.embeddings.is_empty();
        let mut embeddings = if named {
            Embeddings::open_with(&settings.embeddings, &settings.read_options(), &mut findings)
        } else {
            None
        };
        embeddings.iter_mut().filter(|_| settings.normalize == Some(true)).for_each(Embeddings::normalize);
        warnings.extend(embeddings.iter().flat_map(Embeddings::notes));
        let names = match settings.images.as_slice() {
            [] => None,
            files => Names::open_all(files, &settings.name_columns(), &mut findings),
        };
        let hierarchy = embeddings.as_ref().and_then(|e| open_hierarchy(&settings, e, &mut findings, &mut warnings));
        if embeddings.is_none() && settings.assignments.is_empty() {
            Hierarchy::look_for_files(&settings.clustering, &settings.levels, &mut findings);
        }
        let labels = match (&embeddings, &settings.labels) {
            (Some(embeddings), Some(path)) => {
                findings.take(Labels::read_column(path, embeddings.rows(), settings.label_column.as_deref()))
            }
            _ => None,
        };
        if let (Some(embeddings), Some(names)) = (&embeddings, &names) {
            check_names(&settings, embeddings, names, &mut findings);
        }
        findings.into_result()?;
        let (Some(embeddings), Some(hierarchy)) = (embeddings, hierarchy) else {
            return Err(Error::input(Finding::new("the inputs could not be opened")));
        };
        embeddings.matched(&settings.matches).iter().for_each(|matched| tracing::info!("{matched}"));
        let levels = choose_levels(&mut settings, &hierarchy);
        check_gates(&settings)?;
        let metrics = metrics::select(&settings.metrics).map_err(Error::usage)?;
        Ok(CheckedInputs { settings, embeddings, hierarchy, names, labels, levels, metrics, warnings, started })
    }

    /// Whether a sharded run needs a second round over the shards, because some metrics depend on first-round results of all
    /// rows.
    pub fn takes_two_rounds(&self) -> bool {
        let needs = cost::needs(&self.metrics);
        let second = |need: &Need| match need {
            Need::Means | Need::MeanNeighbours => !self.hierarchy.centroids_are_means(),
            Need::Silhouette | Need::Cosine => true,
            Need::Labels | Need::Neighbours | Need::Search => false,
        };
        // skipped rows can leave clusters empty, and the search must exclude those
        needs.iter().any(second) || (self.settings.nonfinite == Nonfinite::Skip && needs.contains(&Need::Search))
    }
}

/// Refuses paths that are not UTF-8: the record and config.yaml name every path, and JSON and YAML can't represent them.
/// Embeddings are named by file URLs there, except on Windows.
fn check_paths(settings: &Settings) -> Result<()> {
    let optional = [&settings.image_root, &settings.subset_indices, &settings.labels];
    let optional = optional.into_iter().flatten().chain(&settings.images);
    let labels = settings.assignments.iter().chain(&settings.centroids);
    for path in optional.chain([&settings.clustering, &settings.out]).chain(labels).chain(&settings.embeddings) {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let is_embeddings = cfg!(unix) && settings.embeddings.contains(path);
        if absolute.to_str().is_none() && !is_embeddings {
            let finding = Finding::new("a path is not UTF-8, so the record of the run can't contain it").file(absolute);
            return Err(Error::usage(
                finding.expected("UTF-8").hint("rename it, or use a symbolic link with a UTF-8 name"),
            ));
        }
    }
    Ok(())
}

/// Fills in paths that the user did not give from upstream's config.yaml.
fn infer_from_upstream(settings: &mut Settings, findings: &mut Findings, warnings: &mut Vec<String>) {
    // opening the hierarchy reports a file that can't be read; labels have no config.yaml
    let upstream = match settings.assignments.is_empty() {
        true => Upstream::read(&settings.clustering, &mut Vec::new()).unwrap_or_default(),
        false => Upstream::default(),
    };
    normalize::follow(settings, upstream.clustrata.normalize, findings, warnings);
    if settings.embeddings.is_empty() {
        let paths = &upstream.embeddings_path;
        match (paths.first(), paths.iter().find(|path| !path.exists())) {
            (Some(first), None) => {
                let more = if paths.len() > 1 { format!(" and {} more", paths.len() - 1) } else { String::new() };
                warnings.push(format!("--embeddings not given: using {}{more} from config.yaml", first.display()));
                settings.embeddings = paths.clone();
                let own = upstream.clustrata.clone();
                settings.reading.array = settings.reading.array.take().or(own.array);
                settings.reading.column = settings.reading.column.take().or(own.column);
                settings.reading.dtype = settings.reading.dtype.or(own.embeddings_dtype);
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
            warnings.push(format!("config.yaml says that only the rows in {} were clustered", path.display()));
            settings.subset_indices = Some(path);
        } else {
            findings.push(
                Finding::new(
                    "config.yaml says that only a subset of the rows was clustered, but the file of row numbers is missing",
                )
                .file(path)
                .hint("give the .npy of row numbers with --subset-indices"),
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
    if !settings.assignments.is_empty() {
        return open_assignments(settings, embeddings, subset, findings, warnings);
    }
    let options =
        HierarchyOptions { subset, allow_unassigned: settings.allow_unassigned, levels: settings.levels.clone() };
    Hierarchy::open(&settings.clustering, embeddings.rows(), embeddings.dim(), options, findings, warnings)
}

fn open_assignments(
    settings: &Settings,
    embeddings: &Embeddings,
    subset: Option<Vec<u64>>,
    findings: &mut Findings,
    warnings: &mut Vec<String>,
) -> Option<Hierarchy> {
    let options = AssignmentOptions {
        centroids: settings.centroids.clone(),
        levels: settings.levels.clone(),
        clusters: Vec::new(),
    };
    let source = AssignmentSource { files: &settings.assignments, columns: &settings.level_columns, subset };
    let hierarchy = source.open(embeddings.rows(), embeddings.dim(), options, findings, warnings)?;
    let chains = (0..hierarchy.levels.len()).filter(|&level| hierarchy.starts_chain(level)).count();
    if chains > Chain::MOST {
        let finding = Finding::new("too many levels that do not nest").expected(format!("at most {}", Chain::MOST));
        findings.push_usage(finding.found(chains.to_string()).hint("evaluate them in several runs"));
        return None;
    }
    if settings.centroids.is_empty() {
        warnings.push("no centroids were given: the means of the clusters take their place".to_owned());
    }
    Some(hierarchy)
}

fn check_names(settings: &Settings, embeddings: &Embeddings, names: &Names, findings: &mut Findings) {
    if let Some(root) = settings.image_root.as_deref().filter(|root| !root.is_dir()) {
        let finding = Finding::new("the image folder does not exist").file(root);
        findings.push(finding.expected("the folder that relative image paths start from").hint("correct --image-root"));
    }
    if names.len() != embeddings.rows() {
        let file = settings.images.first().cloned().unwrap_or_default();
        findings.push(
            Finding::new("the number of image names doesn't match the embeddings")
                .file(file)
                .expected(format!("{} names, one per row of the embeddings", embeddings.rows()))
                .found(format!("{} names", names.len()))
                .hint("use the file that was written with these embeddings"),
        );
    }
}

/// Refuses gates on levels that are not evaluated.
fn check_gates(settings: &Settings) -> Result<()> {
    let mut findings = Findings::new();
    for gate in &settings.gates {
        if let Subject::Metric(levels, _) = gate.subject
            && let Err(wrong) = levels.check(&settings.levels)
        {
            findings.push_usage(wrong.found(format!("`{gate}`")));
        }
    }
    findings.into_result()
}

/// Indices of the requested levels; fills in the setting.
fn choose_levels(settings: &mut Settings, hierarchy: &Hierarchy) -> Vec<usize> {
    let known: Vec<u32> = hierarchy.levels.iter().map(|level| level.number).collect();
    if settings.levels.is_empty() {
        settings.levels.clone_from(&known);
    }
    settings.levels.sort_unstable();
    settings.levels.dedup();
    // missing levels were refused when the hierarchy was opened
    (0..known.len()).filter(|&index| settings.levels.contains(&known[index])).collect()
}
