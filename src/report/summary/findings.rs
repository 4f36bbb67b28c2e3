//! The findings: the most severe, and how many more there are.

use crate::base::terminal::Colour;
use crate::metrics::Severity;
use crate::plan::record::ClusteringFinding;

/// Most findings that are printed.
const MOST: usize = 5;

/// A header, and two lines per finding; every line begins with a line break.
pub(super) fn lines(findings: &[ClusteringFinding], colours: bool) -> String {
    let mut text = format!("\n{}", headline(findings));
    let width = Severity::ALL.iter().map(|severity| severity.name().len()).max().unwrap_or(0);
    for finding in findings.iter().take(MOST) {
        let name = format!("{:<width$}", finding.severity);
        let name = match finding.severity {
            Severity::Severe if colours => Colour::Red.paint(&name),
            Severity::Warning if colours => Colour::Yellow.paint(&name),
            Severity::Good if colours => Colour::Green.paint(&name),
            _ => name,
        };
        text += &format!("\n  {name}  {}", finding.sentence);
        if let Some(suggestion) = &finding.suggestion {
            text += &format!("\n  {:width$}  {suggestion}", "");
        }
    }
    if findings.len() > MOST {
        text += &format!("\n  and {} more in the report", findings.len() - MOST);
    }
    text
}

/// `findings: 1 severe, 2 warnings, 3 notes`.
fn headline(findings: &[ClusteringFinding]) -> String {
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let named = |(severity, one, many): (Severity, &str, &str)| match count(severity) {
        0 => None,
        1 => Some(format!("1 {one}")),
        more => Some(format!("{more} {many}")),
    };
    let words = [
        (Severity::Severe, "severe", "severe"),
        (Severity::Warning, "warning", "warnings"),
        (Severity::Note, "note", "notes"),
        (Severity::Good, "good", "good"),
    ];
    let counts: Vec<String> = words.into_iter().filter_map(named).collect();
    format!("findings: {}", if counts.is_empty() { "none".to_owned() } else { counts.join(", ") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(severity: Severity, sentence: &str, suggestion: Option<&str>) -> ClusteringFinding {
        ClusteringFinding {
            rule: "made".to_owned(),
            severity,
            level: None,
            value: 1.0,
            sentence: sentence.to_owned(),
            suggestion: suggestion.map(str::to_owned),
            clusters: None,
        }
    }

    #[test]
    fn the_most_severe_are_printed_and_the_rest_is_counted() {
        let mut findings = vec![finding(Severity::Severe, "A.", Some("Do b."))];
        findings.extend((0..6).map(|_| finding(Severity::Warning, "C.", None)));
        let text = lines(&findings, false);
        assert!(
            text.starts_with("\nfindings: 1 severe, 6 warnings\n  severe   A.\n           Do b.\n  warning  C.\n"),
            "{text}"
        );
        assert!(text.ends_with("\n  and 2 more in the report"), "{text}");
        assert_eq!(lines(&[], true), "\nfindings: none");
    }

    #[test]
    fn only_terminals_get_colours() {
        let findings = [finding(Severity::Severe, "A.", None)];
        assert!(!lines(&findings, false).contains('\u{1b}'));
        assert!(lines(&findings, true).contains("\u{1b}[1;31msevere \u{1b}[0m  A."), "{:?}", lines(&findings, true));
    }
}
