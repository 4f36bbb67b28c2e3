//! What the metrics say about a clustering, in sentences: the verdict that report, terminal and record begin with.
//!
//! Every rule is one line of [`RULES`]: its name, when it speaks, and the function that finds it. `docs/findings.md` lists
//! them; a test holds that page against this table. Rules see the record alone, so old runs get their findings too.
//!
//! | module | what it judges |
//! |---|---|
//! | `level_facts` | what the rules read of a level |
//! | `rows` | the rows that the clustering covers |
//! | `sizes` | how the points are spread over the clusters |
//! | `separation` | how well clusters are apart, and whether points are in the right one |
//! | `hierarchy` | how levels refine each other |
//! | `labels` | clusters against the user's labels |
//! | `training` | how k-means ended |
//! | `words` | numbers in sentences |

mod hierarchy;
mod labels;
mod level_facts;
mod rows;
mod separation;
mod sizes;
#[cfg(test)]
mod tests;
mod training;
mod words;

use std::borrow::Cow;

use crate::plan::record::{ClusteringFinding, RunRecord};

/// A rule: a condition on the metrics of a run.
pub struct Rule {
    /// Its name.
    pub name: &'static str,
    /// When it speaks, and how severe that is.
    pub condition: &'static str,
    /// Finds it, at most once for the run or once per level; the name of the rule is added later.
    find: fn(&RunRecord) -> Vec<ClusteringFinding>,
}

/// Every rule. Of findings of one severity, those of earlier rules come first.
pub const RULES: [Rule; 16] = [
    Rule { name: "chance", condition: separation::CHANCE, find: separation::chance },
    Rule { name: "collapsed", condition: sizes::COLLAPSED, find: sizes::collapsed },
    Rule { name: "negative_silhouette", condition: separation::NEGATIVE, find: separation::negative },
    Rule { name: "mixed_classes", condition: labels::MIXED, find: labels::mixed },
    Rule { name: "misassigned", condition: separation::MISASSIGNED, find: separation::misassigned },
    Rule { name: "misplaced_clusters", condition: separation::MISPLACED, find: separation::misplaced },
    Rule { name: "hardly_refines", condition: hierarchy::HARDLY_REFINES, find: hierarchy::hardly_refines },
    Rule { name: "still_falling", condition: training::STILL_FALLING, find: training::still_falling },
    Rule { name: "singletons", condition: sizes::SINGLETONS, find: sizes::singletons },
    Rule { name: "empty", condition: sizes::EMPTY, find: sizes::empty },
    Rule { name: "coinciding", condition: separation::COINCIDING, find: separation::coinciding },
    Rule { name: "small", condition: sizes::SMALL, find: sizes::small },
    Rule { name: "uneven", condition: sizes::UNEVEN, find: sizes::uneven },
    Rule { name: "uncovered", condition: rows::UNCOVERED, find: rows::uncovered },
    Rule { name: "separation", condition: separation::SEPARATION, find: separation::separation },
    Rule { name: "pure", condition: labels::PURE, find: labels::pure },
];

/// The findings of a run, the most severe first.
pub fn of(record: &RunRecord) -> Vec<ClusteringFinding> {
    let of_rule = |rule: &Rule| {
        let named = |found: ClusteringFinding| {
            let sentence = words::capitalised(&found.sentence);
            ClusteringFinding { rule: rule.name.to_owned(), sentence, ..found }
        };
        (rule.find)(record).into_iter().map(named).collect::<Vec<_>>()
    };
    let mut findings: Vec<ClusteringFinding> = RULES.iter().flat_map(of_rule).collect();
    // stable: the order of the rules, and of the levels within a rule, decides among equals
    findings.sort_by_key(|finding| finding.severity);
    findings
}

/// The findings in the record of a run; worked out anew for records of versions that had none.
pub fn known(record: &RunRecord) -> Cow<'_, [ClusteringFinding]> {
    record.findings.as_deref().map_or_else(|| Cow::Owned(of(record)), Cow::Borrowed)
}
