//! The command line and the config file.

use std::fs;

use crate::common::{Clustering, Dtype, program};
use crate::fixtures::{Place, arg, refused};

#[test]
fn unknown_and_malformed_options_are_refused_with_the_nearest_name() {
    let place = Place::new();
    for (more, parts) in [
        (&["--embedings", "x"][..], &["--embedings", "--embeddings"][..]),
        (&["--metrics", "inertai"], &["unknown metric `inertai`", "did you mean `inertia`"]),
        (&["--metrics", "inertia,mean-distanse"], &["mean"]),
        (&["--rank-by", "sise"], &["`sise`", "did you mean `size`"]),
        (&["--levels", "4"], &["level 4", "levels 1, 2, 3", "--levels", "try:"]),
        (&["--levels", "0"], &["level 0", "levels 1, 2, 3"]),
        (&["--levels", "1,9"], &["level 9"]),
        (&["--levels", "one"], &["--levels", "one"]),
        (&["--tile-rows", "0"], &["--tile-rows", "0"]),
        (&["--tile-rows", "-1"], &["-1"]),
        (&["--threads", "0"], &["--threads", "0"]),
        (&["--best", "many"], &["--best", "many"]),
        (&["--distances", "some"], &["--distances", "some", "own"]),
        (&["--nonfinite", "keep"], &["--nonfinite", "keep", "skip"]),
        (&["--sample", "nearest"], &["--sample", "nearest", "closest"]),
        (&["--force=perhaps"], &["--force", "perhaps"]),
        (
            &["--montage-size", "18446744073709551615"],
            &["too many images for a montage", "at most 10000", "18446744073709551615"],
        ),
        (&["--seed", "1.5"], &["--seed", "1.5"]),
        (&["--config", "/nowhere/judge.yaml"], &["config file", "/nowhere/judge.yaml", "check the path"]),
    ] {
        place.refused(more, 2, parts);
    }
}

#[test]
fn a_config_file_that_is_wrong_names_key_and_file() {
    let place = Place::new();
    let config = place.at("judge.yaml");
    for (content, parts) in [
        ("montage-sise: 3\n", &["unknown key `montage-sise`", "did you mean `montage-size`", "judge.yaml"][..]),
        ("levls: [1]\n", &["`levls`", "did you mean `levels`"]),
        ("best: many\n", &["`best`", "judge.yaml"]),
        ("tile_rows: 0\n", &["`tile-rows`"]),
        ("nonfinite: perhaps\n", &["`nonfinite`", "perhaps"]),
        ("force: maybe\n", &["`force`", "maybe"]),
        ("levels: all\n", &["`levels`", "all"]),
        ("metrics: inertai\n", &["`inertai`", "did you mean `inertia`"]),
        ("levels: [1, 7]\n", &["level 7", "levels 1, 2, 3"]),
        ("best: [1\n", &["not valid", "judge.yaml"]),
        ("- best\n", &["not valid", "key: value"]),
        ("a lone word\n", &["not valid", "key: value"]),
        ("best: 1\nbest: 2\n", &["best", "judge.yaml"]),
    ] {
        fs::write(&config, content).expect("writes");
        place.refused(&["--config", arg(&config)], 2, parts);
    }
    fs::write(&config, [0xff, 0xfe, 0x00]).expect("writes");
    place.refused(&["--config", arg(&config)], 2, &["config file", "judge.yaml"]);
}

#[test]
fn nothing_to_do_is_told() {
    let place = Place::new();
    let folder = place.folder.path();
    refused(program().arg("metrics"), folder, 2, &["no clustering was named", "clustrata metrics CLUSTERING"]);
    refused(&mut program(), folder, 2, &["Usage"]);
    refused(program().args(["--verbose", "devices"]), folder, 2, &["--quiet", "--verbose"]);
    refused(program().arg("metrisc"), folder, 2, &["metrisc", "metrics"]);
    let message =
        refused(program().arg("metrics").arg(&place.hier), folder, 2, &["no embeddings were named", "--embeddings"]);
    assert_eq!(message.matches("error: ").count(), 1, "{message}");
    fs::write(place.hier.join("config.yaml"), "embeddings_path: /nowhere/e.npy\n").expect("writes");
    refused(program().arg("metrics").arg(&place.hier), folder, 2, &["/nowhere/e.npy", "does not exist here"]);
}

#[test]
fn an_unknown_device_ends_with_4_and_never_becomes_another() {
    let place = Place::new();
    for device in ["no such device", "999"] {
        let parts = ["no such device", "expected:", device, "found:", "--device cpu"];
        place.refused(&["--device", device], 4, &parts);
        refused(program().args(["check", "--device", device]), place.folder.path(), 4, &parts);
    }
}

#[test]
fn numbers_larger_than_any_data_are_taken() {
    let place = Place::new();
    let images = place.at("names.txt");
    fs::write(&images, "a.png\n".repeat(60)).expect("writes");
    let most = usize::MAX.to_string();
    let mut more = vec!["--images", arg(&images), "--montage-min-size", "1", "--montage-size", "10000", "--force"];
    for option in ["--tile-rows", "--best", "--worst"] {
        more.extend([option, &most]);
    }
    let shown = |record: serde_json::Value| record["levels"][0]["montages"].as_array().map(Vec::len);
    assert_eq!(shown(place.judged(&more)), Some(9), "every cluster that is not empty, at one end");
    assert_eq!(shown(place.judged(&[&more[..], &["--sample", "random"]].concat())), Some(9));
}

#[test]
fn more_threads_than_a_system_grants_are_not_started() {
    let rows = 3_000u64;
    let points = (0..rows).map(|row| vec![row as f64]).collect();
    let levels = vec![(vec![(0..rows).collect()], vec![vec![0.0]])];
    let place = Place::of(&Clustering { points, dtype: Dtype::F4, levels, subset: None });
    let run = |threads: &str| place.judged(&["--threads", threads, "--tile-rows", "1", "--force"]);
    let most = run(&usize::MAX.to_string());
    assert_eq!(most["device"]["lanes"], 1024);
    assert_eq!(most["levels"], run("2")["levels"]);
}

#[cfg(unix)]
#[test]
fn a_path_that_is_not_utf_8_is_refused_before_the_run() {
    use std::os::unix::ffi::OsStrExt;
    let place = Place::new();
    let odd = std::ffi::OsStr::from_bytes(b"od\xffd");
    let mut command = place.command(&["--config", "/dev/null"]);
    command.arg("--image-root").arg(place.folder.path().join(odd));
    refused(&mut command, place.folder.path(), 2, &["not UTF-8", "od", "try:"]);
}
