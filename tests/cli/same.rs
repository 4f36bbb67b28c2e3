//! Ways of asking for the same thing give the same figures.

use std::fs;

use serde_json::Value;

use crate::common::{Clustering, compare_level, devices, npy, program, record};
use crate::fixtures::{Place, ROWS, arg, clustering, succeeded};

/// Figures of all levels, bit by bit as they are written.
fn levels(record: &Value) -> &Value {
    &record["levels"]
}

#[test]
fn the_figures_are_those_of_the_definition() {
    let (place, made) = (Place::new(), clustering());
    for device in devices() {
        let record = place.judged(&["--device", device, "--force"]);
        for (level, got) in levels(&record).as_array().expect("levels").iter().enumerate() {
            assert_eq!(compare_level(got, &made.figures(level), 1e-6), Ok(()), "{device}, level {}", level + 1);
        }
    }
}

#[test]
fn two_runs_give_the_same_bits() {
    let place = Place::new();
    for device in devices() {
        let run = || place.judged(&["--device", device, "--force", "--tile-rows", "7"]);
        assert_eq!(levels(&run()), levels(&run()), "{device}");
    }
}

#[test]
fn the_tile_size_changes_nothing() {
    let (place, made) = (Place::new(), clustering());
    let run = |device: &str, rows: &str| place.judged(&["--device", device, "--tile-rows", rows, "--force"]);
    for device in devices() {
        let want = run(device, "60");
        for rows in ["1", "7", "59", "61"] {
            let got = run(device, rows);
            assert_eq!(got["device"]["tile_rows"], rows.parse::<usize>().expect("a number").min(ROWS));
            if device == "cpu" {
                assert_eq!(levels(&got), levels(&want), "{rows} rows");
            }
            for (level, got) in levels(&got).as_array().expect("levels").iter().enumerate() {
                assert_eq!(compare_level(got, &made.figures(level), 1e-6), Ok(()), "{device}, {rows} rows");
            }
        }
    }
}

/// Equal, numbers to `tolerance`: what is subtracted from every row depends on the lowest level that is evaluated.
fn same_but_for_rounding(got: &Value, want: &Value, tolerance: f64) -> bool {
    let same = |a: &Value, b: &Value| same_but_for_rounding(a, b, tolerance);
    match (got, want) {
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        (Value::Number(a), Value::Number(b)) => match (a.as_f64(), b.as_f64()) {
            (Some(a), Some(b)) => (a - b).abs() <= tolerance * b.abs().max(1.0),
            _ => false,
        },
        _ => got == want,
    }
}

#[test]
fn some_levels_have_the_figures_that_they_have_among_all() {
    let place = Place::new();
    for device in devices() {
        let run = |more: &[&str]| place.judged(&[&["--device", device, "--force"], more].concat());
        let all = run(&[]);
        for (asked, numbers) in [("2", &[2][..]), ("3,1", &[1, 3]), ("3", &[3]), ("1,2,3,3", &[1, 2, 3])] {
            let some = run(&["--levels", asked]);
            let mut want: Vec<_> = numbers.iter().map(|number| all["levels"][number - 1].clone()).collect();
            for (level, number) in want.iter_mut().zip(numbers) {
                // parents and shares of them are there where their level is
                if !numbers.contains(&(number + 1)) {
                    level.as_object_mut().expect("an object").remove("parent");
                    let clusters = level["clusters"]["size"].as_array().map_or(0, Vec::len);
                    for share in ["parent_points_share", "parent_inertia_share"] {
                        level["clusters"][share] = Value::Array(vec![Value::Null; clusters]);
                    }
                }
            }
            let tolerance = if device == "cpu" { 1e-12 } else { 1e-6 };
            assert!(same_but_for_rounding(levels(&some), &Value::Array(want), tolerance), "{device}: {asked}: {some}");
        }
    }
}

#[test]
fn a_config_file_is_the_same_as_flags() {
    let place = Place::new();
    let flags = ["--levels", "1,3", "--metrics", "inertia,size-gini", "--tile-rows", "7", "--rank-by", "mean-inertia"];
    let more = ["--best", "2", "--worst", "1", "--montage-min-size", "1", "--seed", "100", "--force"];
    let want = place.judged(&[&flags[..], &more].concat());
    let config = place.at("judge.yaml");
    let text = format!(
        "clustering: {}\nembeddings: [{}]\nout: {}\ndevice: cpu\nlevels: [1, 3]\nmetrics: [inertia, size-gini]\n\
         tile_rows: 7\nrank-by: mean-inertia\nbest: 2\nworst: 1\nmontage-min-size: 1\nseed: 1_00\nforce: true\n",
        place.hier.display(),
        place.embeddings.display(),
        place.out.display()
    );
    fs::write(&config, text).expect("writes");
    succeeded(program().args(["metrics", "--config", arg(&config)]));
    let got = record(&place.out);
    assert_eq!((levels(&got), &got["settings"]), (levels(&want), &want["settings"]));
    succeeded(program().args(["metrics", "--config", arg(&config), "--levels", "2"]));
    assert_eq!(record(&place.out)["settings"]["levels"], serde_json::json!([2]), "a flag beats the file");
}

#[test]
fn the_config_of_a_run_can_be_given_back() {
    let place = Place::new();
    let want = place.judged(&["--tile-rows", "7", "--distances", "own", "--levels", "2,3", "--nonfinite", "skip"]);
    let again = place.at("again");
    let mut command = program();
    command.args(["metrics", "--config", arg(&place.out.join("config.yaml")), "--out", arg(&again)]);
    succeeded(&mut command);
    let got = record(&again);
    assert_eq!(levels(&got), levels(&want));
    let without_out = |record: &Value| {
        let mut settings = record["settings"].clone();
        settings.as_object_mut().expect("settings").remove("out");
        settings
    };
    assert_eq!(without_out(&got), without_out(&want));
    let bytes = |folder: &std::path::Path| fs::read(folder.join("level2/distances.npy")).expect("reads");
    assert_eq!(bytes(&again), bytes(&place.out));
}

#[test]
fn several_files_in_natural_order_are_one_matrix() {
    let (place, made) = (Place::new(), clustering());
    let want = place.judged(&[]);
    let parts: Vec<_> = ["part-1.npy", "part-2.npy", "part-10.npy"].map(|name| place.at(name)).into();
    for (path, rows) in parts.iter().zip([0..11, 11..12, 12..ROWS]) {
        fs::write(path, npy(&made.points[rows], made.dtype)).expect("writes");
    }
    let pattern = place.at("part-*.npy");
    for files in [parts.iter().map(arg).collect(), vec![arg(&pattern)]] {
        let mut command = program();
        command.arg("metrics").arg(&place.hier).arg("--embeddings").args(files);
        succeeded(command.arg("--out").arg(&place.out).args(["--device", "cpu", "--force", "--tile-rows", "8"]));
        let got = record(&place.out);
        assert_eq!(levels(&got), levels(&want));
        let recorded: Vec<_> =
            got["inputs"]["embeddings"].as_array().expect("files").iter().map(|f| &f["path"]).collect();
        assert_eq!(recorded, parts.iter().map(arg).collect::<Vec<_>>());
    }
}

/// [`clustering`] of every second row of twice as many, in another order.
fn subset() -> Clustering {
    let mut made = clustering();
    let rows = ROWS as u64;
    let subset: Vec<u64> = (0..rows).map(|member| 2 * (member * 7 % rows) + 1).collect();
    let mut points = vec![vec![1e6; 5]; 2 * ROWS];
    subset.iter().zip(&made.points).for_each(|(&row, point)| points[row as usize].clone_from(point));
    (made.points, made.subset) = (points, Some(subset));
    made
}

#[test]
fn a_subset_is_taken_from_the_option_and_from_upstreams_config() {
    let (place, made) = (Place::of(&subset()), subset());
    place.refused(&[], 3, &["in no cluster", "--subset-indices"]);
    let rows = place.at("subset.npy");
    let upstream = format!("subset_indices_path: {}\n", rows.display());
    for device in devices() {
        let _ = fs::remove_file(place.hier.join("config.yaml"));
        let more = ["--device", device, "--force", "--tile-rows", "9", "--distances", "own"];
        let given = place.judged(&[&more[..], &["--subset-indices", arg(&rows)]].concat());
        fs::write(place.hier.join("config.yaml"), &upstream).expect("writes");
        let inferred = place.judged(&more);
        assert_eq!(levels(&given), levels(&inferred), "{device}");
        assert!(inferred["warnings"].to_string().contains("subset.npy"), "{}", inferred["warnings"]);
        for (level, got) in levels(&given).as_array().expect("levels").iter().enumerate() {
            assert_eq!(compare_level(got, &made.figures(level), 1e-6), Ok(()), "{device}, level {}", level + 1);
        }
    }
    fs::write(place.hier.join("config.yaml"), "subset_indices_path: /nowhere/rows.npy\n").expect("writes");
    place.refused(&["--force"], 3, &["only a subset of the rows", "/nowhere/rows.npy", "--subset-indices"]);
}

#[test]
fn embeddings_are_taken_from_upstreams_config() {
    let place = Place::new();
    let want = place.judged(&[]);
    let upstream = format!("embeddings_path: {}\n", place.embeddings.display());
    fs::write(place.hier.join("config.yaml"), upstream).expect("writes");
    let mut command = program();
    succeeded(command.arg("metrics").arg(&place.hier).args(["--device", "cpu", "--force", "--out"]).arg(&place.out));
    let got = record(&place.out);
    assert_eq!(levels(&got), levels(&want));
    assert!(got["warnings"].to_string().contains("--embeddings not given"), "{}", got["warnings"]);
}
