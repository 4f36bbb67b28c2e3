//! Assembles the page from its parts.

use serde_json::{Value, json};

use super::pictures::{PictureSources, Pictures};
use super::{convergence, data, distributions, shown};
use crate::plan::record::{Images, RunRecord};

const PAGE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
/// Joined in this order to one script.
const SCRIPTS: [&str; 10] = [
    include_str!("page/base.js"),
    include_str!("page/model.js"),
    include_str!("page/table.js"),
    include_str!("page/viewport.js"),
    include_str!("page/map.js"),
    include_str!("page/lightbox.js"),
    include_str!("page/members.js"),
    include_str!("page/cluster.js"),
    include_str!("page/views.js"),
    include_str!("page/main.js"),
];

/// The HTML of the page.
pub(super) fn assemble(record: &RunRecord, data: &str, shown: &PictureSources, pictures: Pictures) -> String {
    let images = images(record, shown);
    // unpredictable for someone who chose only the names of files
    let mut hash = blake3::Hasher::new();
    hash.update(data.as_bytes()).update(images.as_bytes());
    let nonce = hash.finalize().to_hex()[..32].to_owned();
    let path: Vec<_> = record.inputs.clustering.iter().map(|part| part.to_string_lossy()).collect();
    // folders of clusterings often share a name, so the parent's name is added
    let name = path[path.len().saturating_sub(2)..].join("/");
    let script = format!("\"use strict\";\n(() => {{\n{}}})();\n", SCRIPTS.concat());
    let values = [
        ("nonce", nonce),
        // a page beside its pictures may load them from its own folder
        ("sources", if pictures == Pictures::Beside { " 'self' file:".to_owned() } else { String::new() }),
        ("title", escaped(&format!("{name} – clustrata"))),
        ("style", STYLE.to_owned()),
        ("distributions", drawings(record)),
        ("data", data.to_owned()),
        ("images", images),
        ("script", script),
    ];
    filled(PAGE, &values)
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
    let rows: Vec<u64> = images.rows.iter().copied().filter(|row| shown.images.contains_key(row)).collect();
    let places: Vec<usize> = rows.iter().filter_map(|&row| images.place(row)).collect();
    let texts =
        |column: &[Option<String>]| places.iter().map(|&at| column.get(at).cloned().flatten()).collect::<Vec<_>>();
    let captions = if images.captions.iter().any(Option::is_some) { texts(&images.captions) } else { Vec::new() };
    let is_shown = |row: u64| shown.images.contains_key(&row);
    let levels: Vec<Value> = record.levels.iter().map(|level| shown::samples(level, &is_shown)).collect();
    data::in_script(&json!({
        "root": images.root.to_string_lossy(),
        "rows": rows,
        "paths": places.iter().map(|&at| &images.paths[at]).collect::<Vec<_>>(),
        "captions": captions,
        "classes": if images.classes.is_empty() { Vec::new() } else { texts(&images.classes) },
        "sources": rows.iter().map(|row| &shown.images[row]).collect::<Vec<_>>(),
        "levels": levels,
        "montages": shown.montages,
        "notes": shown.notes,
        "command": shown.command,
    }))
}

/// Replaces every `{{name}}` of the template by its value. Braces within values have no meaning.
fn filled(template: &str, values: &[(&str, String)]) -> String {
    let mut page = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, later) = after.split_once("}}").unwrap_or((after, ""));
        let value = values.iter().find(|(key, _)| *key == name).map_or("", |(_, value)| value);
        page += before;
        page += value;
        rest = later;
    }
    page + rest
}

/// Escapes text for HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_inserted_verbatim() {
        let values = [("a", "{{b}} }}".to_owned()), ("b", "x".to_owned())];
        assert_eq!(filled("1{{a}}2{{b}}3", &values), "1{{b}} }}2x3");
    }

    #[test]
    fn the_template_names_every_value_and_no_other() {
        let names = ["nonce", "sources", "title", "style", "distributions", "data", "images", "script"];
        let asked: Vec<&str> = PAGE.split("{{").skip(1).filter_map(|part| part.split_once("}}")).map(|p| p.0).collect();
        assert!(
            names.iter().all(|name| asked.contains(name)) && asked.iter().all(|name| names.contains(name)),
            "{asked:?}"
        );
    }

    #[test]
    fn escaped_text_ends_no_element() {
        assert_eq!(escaped("</title>\"'&"), "&lt;/title&gt;&quot;&#39;&amp;");
    }

    #[test]
    fn scripts_never_parse_text_as_html() {
        for script in SCRIPTS {
            for forbidden in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "</script"] {
                assert!(!script.contains(forbidden), "{forbidden}");
            }
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
                assert!(STYLE.contains(&rule), "no rule {rule}");
            }
        }
    }
}
