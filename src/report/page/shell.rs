//! What all pages share: the frame with its content security policy, the style, and how text gets into them.

use serde_json::Value;

/// Most bytes of a page with its pictures: mail systems and viewers accept that.
pub(crate) const MOST_BYTES: u64 = 14_000_000;

const FRAME: &str = include_str!("page/page.html");
/// The style of all pages.
pub(crate) const STYLE: &str = include_str!("page/page.css");
/// The first script of all pages: elements, numbers and theme.
pub(crate) const BASE: &str = include_str!("page/base.js");

/// The content of a page.
pub(crate) struct Content<'a> {
    /// Title, as text.
    pub(crate) title: &'a str,
    /// Where pictures may come from, beside the page itself; a part of the policy.
    pub(crate) sources: &'a str,
    /// Styles, in their order.
    pub(crate) styles: &'a [&'a str],
    /// HTML beside the main part.
    pub(crate) panel: &'a str,
    /// HTML shown without scripts.
    pub(crate) fallback: &'a str,
    /// HTML of templates that the scripts clone.
    pub(crate) templates: &'a str,
    /// JSON made by [`in_script`].
    pub(crate) data: &'a str,
    /// The pictures, likewise.
    pub(crate) images: &'a str,
    /// Joined in this order to one script.
    pub(crate) scripts: &'a [&'a str],
}

/// The HTML of a page. Only its own style and script may run, and nothing loads from elsewhere.
pub(crate) fn page(content: &Content) -> String {
    // unpredictable for someone who chose only the names of files
    let mut hash = blake3::Hasher::new();
    hash.update(content.data.as_bytes()).update(content.images.as_bytes());
    let nonce = hash.finalize().to_hex()[..32].to_owned();
    let script = format!("\"use strict\";\n(() => {{\n{}}})();\n", content.scripts.concat());
    let values = [
        ("nonce", nonce),
        ("sources", content.sources.to_owned()),
        ("title", escaped(content.title)),
        ("style", content.styles.concat()),
        ("panel", content.panel.to_owned()),
        ("fallback", content.fallback.to_owned()),
        ("templates", content.templates.to_owned()),
        ("data", content.data.to_owned()),
        ("images", content.images.to_owned()),
        ("script", script),
    ];
    filled(FRAME, &values)
}

/// JSON that neither ends a script element nor starts a comment in it.
pub(crate) fn in_script(value: &Value) -> String {
    // these characters occur in strings only
    let text = value.to_string().replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026");
    text.replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}

/// Escapes text for HTML.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
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

/// What a script must not contain, because it takes text for HTML or ends the script: the first of these in `script`.
#[cfg(test)]
pub(crate) fn forbidden_in(script: &str) -> Option<&'static str> {
    let forbidden = ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "</script"];
    forbidden.into_iter().find(|forbidden| script.contains(forbidden))
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
    fn the_frame_names_every_value_and_no_other() {
        let names =
            ["nonce", "sources", "title", "style", "panel", "fallback", "templates", "data", "images", "script"];
        let asked: Vec<&str> =
            FRAME.split("{{").skip(1).filter_map(|part| part.split_once("}}")).map(|p| p.0).collect();
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
    fn scripts_that_take_text_for_html_are_noticed() {
        assert_eq!(forbidden_in("x.innerHTML = y"), Some("innerHTML"));
        assert_eq!(forbidden_in(BASE), None);
    }
}
