//! What a reader relies on: readable labels, and marks in the right places.

use super::position::{self, Axis};
use super::scale::{self, Scale};
use super::words;
use super::*;

fn spot(position: usize, series: usize, values: &[f64]) -> Spot {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let deviation = (values.len() > 1).then_some(0.1);
    Spot { position, series, mean, deviation, values: values.to_vec() }
}

fn chart(positions: Positions, series: &[&str], spots: Vec<Spot>) -> Chart {
    Chart {
        title: "a metric".into(),
        subtitle: "What it means. Lower is better.".into(),
        x_label: "parameter".into(),
        y_label: "a metric".into(),
        positions,
        series: series.iter().map(|&name| name.to_owned()).collect(),
        panels: vec![Panel { title: "level 1".into(), spots }],
        caption: "What bars are.".into(),
    }
}

fn labels(scale: &Scale) -> Vec<&str> {
    scale.ticks.iter().map(|(_, label)| label.as_str()).collect()
}

#[test]
fn ticks_are_round_and_short() {
    let table: &[(f64, f64, &[&str], i32)] = &[
        (0.0, 1.0, &["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"], 0),
        (0.091, 0.136, &["0.09", "0.10", "0.11", "0.12", "0.13"], 0),
        (-3.0, 4.0, &["−2", "0", "2", "4"], 0),
        (1.51e6, 1.58e6, &["1.52", "1.54", "1.56", "1.58"], 6),
        (2e-7, 9e-7, &["2", "4", "6", "8"], -7),
        (1797.0, 1797.0, &["1700", "1750", "1800", "1850"], 0),
        (0.0, 0.0, &["−1.0", "−0.5", "0.0", "0.5", "1.0"], 0),
    ];
    for (low, high, expected, exponent) in table {
        let scale = Scale::over(*low, *high);
        assert_eq!((labels(&scale), scale.exponent), (expected.to_vec(), *exponent), "{low} to {high}");
    }
}

#[test]
fn any_range_has_a_few_different_ticks_within_it() {
    let sizes = [1e-300, 1e-9, 0.3, 1.0, 7.0, 123_456.7, 1e12, 1e300];
    let pairs =
        sizes.iter().flat_map(|&a| [(0.0, a), (-a, a), (a, 1.3 * a), (-a, -0.999 * a), (a, a), (a, a * (1.0 + 1e-9))]);
    for (low, high) in pairs {
        let scale = Scale::over(low, high);
        let mut texts = labels(&scale);
        assert!((2..=9).contains(&texts.len()), "{low} to {high}: {texts:?}");
        assert!(scale.ticks.iter().all(|(value, _)| (-1e-9..=1.0 + 1e-9).contains(&scale.place(*value))));
        texts.dedup();
        assert_eq!(texts.len(), scale.ticks.len(), "{low} to {high}: {texts:?}");
        assert!(scale.low <= low && scale.high >= high);
    }
}

#[test]
fn numbers_are_short() {
    let table =
        [(0.0, "0"), (0.5, "0.5"), (300.0, "300"), (20_000.0, "20k"), (1.5e6, "1.5M"), (2e-7, "2e−7"), (-3.0, "−3")];
    for (value, text) in table {
        assert_eq!(position::short(value), text);
    }
    assert_eq!((scale::power_of_ten(6), scale::power_of_ten(-12)), ("×10⁶".into(), "×10⁻¹²".into()));
}

#[test]
fn labels_never_touch() {
    let many: Vec<f64> = (0..200_u32).map(|i| f64::from(i) * 1000.0).collect();
    let powers: Vec<f64> = (0..40).map(|i| 2_f64.powi(i)).collect();
    for numbers in [many, powers, vec![1.0, 1.01, 100.0], vec![5.0]] {
        let axis = Axis::over(&Positions::Numbers(numbers), 290.0, 12.0, 150.0);
        assert!(!axis.ticks.is_empty());
        let ends = |(place, label): &(f64, String)| {
            let half = words::width(label, 12.0) / 2.0;
            (place * 290.0 - half, place * 290.0 + half)
        };
        assert!(axis.ticks.windows(2).all(|pair| ends(&pair[0]).1 < ends(&pair[1]).0), "{:?}", axis.ticks);
        assert!(axis.places.iter().all(|place| (0.0..=1.0).contains(place)));
    }
    let names: Vec<String> = (0..60).map(|i| format!("a rather long name of a run, number {i}")).collect();
    let axis = Axis::over(&Positions::Names(names), 290.0, 12.0, 150.0);
    assert!(axis.upright && axis.ticks.len() * 14 <= 290, "{} labels", axis.ticks.len());
    assert!(axis.ticks.iter().all(|(_, label)| words::width(label, 12.0) <= 150.0 && label.contains('…')));
    let axis = Axis::over(&Positions::Names(vec!["a".into(), "b".into()]), 290.0, 12.0, 150.0);
    assert!(!axis.upright && axis.places == [0.25, 0.75]);
}

#[test]
fn wide_ranges_are_logarithmic() {
    let place = |numbers: &[f64]| Axis::over(&Positions::Numbers(numbers.to_vec()), 290.0, 12.0, 150.0).places[1];
    assert!((place(&[10.0, 100.0, 1000.0]) - 0.5).abs() < 1e-9);
    assert!((place(&[10.0, 20.0, 30.0]) - 0.5).abs() < 1e-9);
    assert!(place(&[0.0, 10.0, 1000.0]) < 0.1);
}

#[test]
fn a_chart_has_its_words_and_a_mark_for_every_spot() {
    let spots = vec![spot(0, 0, &[1.0, 1.2]), spot(1, 0, &[2.0]), spot(1, 1, &[3.0, 2.8, 3.1])];
    let by_name = chart(Positions::Names(vec!["a & b".into(), "<c>".into()]), &["one", "two"], spots.clone());
    let svg = by_name.to_svg();
    for word in
        ["a metric", "Lower is better", "parameter", "a &amp; b", "&lt;c&gt;", "one", "two", "level 1", "What bars are"]
    {
        assert!(svg.contains(word), "{word}");
    }
    // single values as dots, if there is more than one
    assert_eq!(svg.matches("opacity=\"0.4\"").count(), 5);
    // names are not joined, numbers are
    let lines = |svg: &str| svg.matches("stroke-width=\"2\"").count();
    assert_eq!(lines(&svg), 0);
    let by_number = Chart { positions: Positions::Numbers(vec![1.0, 2.0]), ..by_name };
    assert_eq!(lines(&by_number.to_svg()), 2);
}

#[test]
fn a_long_label_of_the_y_axis_is_broken_into_lines() {
    let label = "mean distance to the nearest of the other centroids (squared distance, in the unit of the embedding)";
    let spots = vec![spot(0, 0, &[2e6]), spot(1, 0, &[3e6])];
    let named = chart(Positions::Numbers(vec![1.0, 2.0]), &["one"], spots);
    let width = |svg: &str| -> f64 { svg.split('"').nth(1).expect("a width").parse().expect("a number") };
    let short = named.to_svg();
    let long = Chart { y_label: label.into(), ..named }.to_svg();
    assert!(!long.contains('…') && label.split(' ').all(|word| long.contains(word)), "{long}");
    assert!(width(&long) > width(&short), "the lines have room");
    // the power of ten is well above the highest tick
    let heights: Vec<f64> =
        long.split("<text ").skip(1).filter(|text| text.contains("text-anchor=\"end\"")).map(height).collect();
    let power = long.split("<text ").find(|text| text.contains("×10⁶")).map(height).expect("is there");
    assert!(heights.iter().filter(|&&tick| tick != power).all(|tick| tick - power > 12.0), "{power} {heights:?}");
}

/// Vertical position of a text, CSS pixels.
fn height(text: &str) -> f64 {
    let from = text.split(" y=\"").nth(1).and_then(|rest| rest.split('"').next());
    from.expect("a place").parse().expect("a number")
}

#[test]
fn a_legend_is_there_where_colours_need_one() {
    let one = chart(Positions::Numbers(vec![1.0]), &["only"], vec![spot(0, 0, &[1.0])]);
    assert!(!one.to_svg().contains(">only<"));
    let two = Chart { series: vec!["only".into(), "other".into()], ..one };
    assert!(two.to_svg().contains(">only<"));
}

#[test]
fn a_panel_without_values_says_so() {
    let empty = chart(Positions::Numbers(vec![1.0]), &["one"], Vec::new());
    assert!(empty.to_svg().contains("not defined in any run"));
}

#[test]
fn series_differ_in_colour_or_marker() {
    let looks: Vec<_> = (0..MOST_SERIES).map(style::look).collect();
    assert!(looks.iter().enumerate().all(|(i, look)| !looks[..i].contains(look)));
}
