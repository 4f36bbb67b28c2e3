//! Assembles the page from its parts.

use serde_json::{Value, json};

use super::pictures::{PictureSources, Pictures};
use super::shell::{self, Content, escaped, in_script};
use super::{chosen, convergence, distributions};
use crate::plan::record::{Images, RunRecord};

/// Joined in this order to one script.
const SCRIPTS: &[&str] = &[
    shell::BASE,
    include_str!("page/model.js"),
    include_str!("page/filter.js"),
    include_str!("page/choices.js"),
    include_str!("page/table.js"),
    include_str!("page/viewport.js"),
    include_str!("page/colours.js"),
    include_str!("page/map-colours.js"),
    include_str!("page/map-places.js"),
    include_str!("page/map-draw.js"),
    include_str!("page/map-tip.js"),
    include_str!("page/map-select.js"),
    include_str!("page/map.js"),
    include_str!("page/montage.js"),
    include_str!("page/shades.js"),
    include_str!("page/layers.js"),
    include_str!("page/paint.js"),
    include_str!("page/icicle.js"),
    include_str!("page/lightbox.js"),
    include_str!("page/members.js"),
    include_str!("page/cluster.js"),
    include_str!("page/findings.js"),
    include_str!("page/views.js"),
    include_str!("page/main.js"),
];

/// The HTML of the page.
pub(super) fn assemble(record: &RunRecord, data: &str, shown: &PictureSources, pictures: Pictures) -> String {
    let path: Vec<_> = record.inputs.clustering.iter().map(|part| part.to_string_lossy()).collect();
    // folders of clusterings often share a name, so the parent's name is added
    let name = path[path.len().saturating_sub(2)..].join("/");
    shell::page(&Content {
        title: &format!("{name} – clustrata"),
        // a page beside its pictures may load them from its own folder
        sources: if pictures == Pictures::Beside { " 'self' file:" } else { "" },
        styles: &[shell::STYLE],
        panel: "  <aside id=\"cluster\" aria-labelledby=\"cluster-title\" hidden></aside>\n",
        fallback: "The same metrics are in levels.csv and level*/clusters.csv beside it.",
        templates: &drawings(record),
        data,
        images: &images(record, shown),
        scripts: SCRIPTS,
    })
}

/// The plots of every level, in templates that the scripts clone.
fn drawings(record: &RunRecord) -> String {
    let mut html = String::new();
    for level in &record.levels {
        html += &format!("<template id=\"distributions-{}\">\n", level.level);
        for (name, svg) in distributions::of_level(record, level) {
            let label = escaped(&format!("Distribution of {} over the clusters", name.replace('_', " ")));
            html += &format!("<figure class=\"plot\" role=\"img\" aria-label=\"{label}\">{svg}</figure>\n");
        }
        html += "</template>\n";
    }
    if let Some(svg) = convergence::drawing(record) {
        let label = "Objective of every k-means by iteration";
        html += "<template id=\"convergence\">\n";
        html +=
            &format!("<figure class=\"plot wide\" role=\"img\" aria-label=\"{label}\">{svg}</figure>\n</template>\n");
    }
    html
}

/// Samples, names, captions and sources of the pictures that the page shows as JSON, and notes about what was left out.
fn images(record: &RunRecord, shown: &PictureSources) -> String {
    let none = Images::default();
    let images = record.images.as_ref().unwrap_or(&none);
    // points on the map have a name even where there is no room for their picture
    let mut rows: Vec<u64> = shown.images.keys().copied().chain(chosen::on_map(record)).collect();
    rows.sort_unstable();
    rows.dedup();
    rows.retain(|&row| images.place(row).is_some());
    let places: Vec<usize> = rows.iter().filter_map(|&row| images.place(row)).collect();
    let texts =
        |column: &[Option<String>]| places.iter().map(|&at| column.get(at).cloned().flatten()).collect::<Vec<_>>();
    let captions = if images.captions.iter().any(Option::is_some) { texts(&images.captions) } else { Vec::new() };
    let is_shown = |row: u64| shown.images.contains_key(&row);
    let levels: Vec<Value> = record.levels.iter().map(|level| chosen::samples(level, &is_shown)).collect();
    in_script(&json!({
        "root": images.root.to_string_lossy(),
        "rows": rows,
        "paths": places.iter().map(|&at| &images.paths[at]).collect::<Vec<_>>(),
        "captions": captions,
        "classes": if images.classes.is_empty() { Vec::new() } else { texts(&images.classes) },
        "sources": rows.iter().map(|row| shown.images.get(row).and_then(Option::as_ref)).collect::<Vec<_>>(),
        "levels": levels,
        "montages": shown.montages,
        "notes": shown.notes,
        "command": shown.command,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// They share one scope, in which a second constant of the same name is an error.
    #[test]
    fn scripts_share_no_name() {
        let mut names = std::collections::BTreeSet::new();
        for line in SCRIPTS.iter().flat_map(|script| script.lines()) {
            let Some((kind, rest)) = line.split_once(' ') else { continue };
            let name = rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
            if matches!(kind, "const" | "let" | "function" | "class") {
                assert!(names.insert(name), "{name} is there twice");
            }
        }
        assert!(names.contains("overview"), "{names:?}");
    }

    #[test]
    fn scripts_never_parse_text_as_html() {
        for script in SCRIPTS {
            assert_eq!(shell::forbidden_in(script), None);
        }
    }

    /// Plots are dark on white; the style maps their colours to those of the theme, so it needs a rule for each.
    #[test]
    fn the_style_has_a_rule_for_every_colour_of_plots() {
        let panels = vec![crate::report::plot::Distribution { title: "x".into(), values: vec![1.0, 2.0, 5.0] }];
        let histogram = crate::report::plot::Histogram {
            title: String::new(),
            subtitle: String::new(),
            x_label: "x".into(),
            y_label: "y".into(),
            panels,
        };
        let svg = histogram.to_svg();
        for attribute in ["fill=\"#", "stroke=\"#"] {
            for part in svg.split(attribute).skip(1) {
                let colour = part.split('"').next().unwrap_or_default();
                let rule = format!(".plot [{attribute}{colour}\"]");
                assert!(shell::STYLE.contains(&rule), "no rule {rule}");
            }
        }
    }
}
