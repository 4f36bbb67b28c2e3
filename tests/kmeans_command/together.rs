//! Several processes build one clustering.

use std::process::{Output, Stdio};

use crate::common::devices;
use crate::fixtures::{Place, contents, inertia, refused};

const SETTINGS: [&str; 10] = [
    "--n-clusters",
    "50,10",
    "--n-resampling-steps",
    "2,1",
    "--sample-size",
    "8,1",
    "--n-iters",
    "10",
    "--n-splits",
    "1,3",
];

/// Starts all processes, each with its own extra options, and waits for them.
fn together(place: &Place, out: &str, more: &[&[&str]]) -> Vec<Output> {
    let of = more.len();
    let start = |(index, more): (usize, &&[&str])| {
        let shard = format!("{}/{of}", index + 1);
        let mut command = place.kmeans(out, &[&SETTINGS[..], &["--shard", &shard], more].concat());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts")
    };
    // rank 0 starts last: the others wait for it
    let mut children: Vec<_> = more.iter().enumerate().rev().map(start).collect();
    children.reverse();
    children.into_iter().map(|child| child.wait_with_output().expect("ends")).collect()
}

#[test]
fn any_number_of_processes_reaches_the_same_objective() {
    let place = Place::digits();
    place.made("alone", &[&SETTINGS[..], &["--device", "cpu"]].concat());
    let alone = place.judged("alone", &[]);
    let device = *devices().last().expect("one at least");
    // one kind of device, and two; the other two meet at an interface of their own
    let cpu: &[&str] = &["--device", "cpu"];
    let (local, other) =
        (["--device", "cpu", "--interface", "127.0.0.1"], ["--device", device, "--interface", "127.0.0.1"]);
    let groups: [&[&[&str]]; 2] = [&[cpu; 3], &[&local, &other]];
    for (number, communicator) in groups.into_iter().enumerate() {
        let out = format!("team{number}");
        for output in together(&place, &out, communicator) {
            crate::fixtures::succeeded(&output);
        }
        let judged = place.judged(&out, &[]);
        for level in 0..2 {
            let (one, all) = (inertia(&alone, level), inertia(&judged, level));
            // another summation order may move a point that lies between two centroids
            assert!((one - all).abs() < 5e-3 * one, "level {level}: {one} and {all}");
        }
        assert_eq!(judged["kmeans"]["processes"], communicator.len());
        for step in judged["kmeans"]["steps"].as_array().expect("steps") {
            for direction in ["bytes_sent", "bytes_received"] {
                assert!(step["exchanged"][direction].as_u64().expect("a count") > 0, "{step}");
            }
        }
        let legs = judged["kmeans"]["provenance"]["legs"].as_array().expect("legs").iter();
        let processes: std::collections::BTreeSet<_> = legs.filter_map(|leg| leg["pid"].as_u64()).collect();
        assert_eq!(processes.len(), communicator.len(), "every process says what it took");
        assert!(!place.at(&out).join("team").exists(), "the rendezvous file is removed");
    }
    // the same processes give the same bits
    together(&place, "again", groups[0]);
    assert!(contents(&place.at("again")) == contents(&place.at("team0")));
}

#[cfg(unix)]
#[test]
fn processes_resume_after_one_is_lost() {
    let place = Place::digits();
    let more = ["--n-clusters", "300", "--n-iters", "60", "--checkpoint", "0s", "--device", "cpu", "--resume"];
    let start = |out: &str, index: u32| {
        let shard = format!("{index}/2");
        let mut command = place.kmeans(out, &[&more[..], &["--shard", &shard]].concat());
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("starts")
    };
    let whole = |out: &str| {
        let second = start(out, 2);
        for child in [start(out, 1), second] {
            crate::fixtures::succeeded(&child.wait_with_output().expect("ends"));
        }
        contents(&place.at(out))
    };
    let expected = whole("whole");
    let mut lost = 0;
    for (attempt, signal) in ["-TERM", "-KILL", "-TERM", "-KILL"].into_iter().enumerate() {
        let out = format!("lost{attempt}");
        let mut second = start(&out, 2);
        let first = start(&out, 1);
        let sign = place.at(&out).join("level1/step0/checkpoint-1.part");
        while !sign.exists() && second.try_wait().expect("a child").is_none() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        let sent = std::process::Command::new("kill").args([signal, &second.id().to_string()]).status();
        assert!(sent.is_ok());
        let ended = [first.wait_with_output().expect("ends"), second.wait_with_output().expect("ends")];
        lost += u32::from(ended.iter().all(|output| !output.status.success()));
        if let [Some(first), second] = ended.each_ref().map(|output| output.status.code())
            && (first, second) != (0, Some(0))
        {
            let said = String::from_utf8_lossy(&ended[0].stderr);
            assert_eq!(first, 75, "a lost process asks for a resume: {said}");
        }
        let second = start(&out, 2);
        let again = [start(&out, 1), second].map(|child| child.wait_with_output().expect("ends"));
        for output in &again {
            crate::fixtures::succeeded(output);
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(!said.contains("restarts"), "{said}");
        }
        assert!(contents(&place.at(&out)) == expected, "{signal}");
    }
    assert!(lost > 0, "all finished before a process was lost");
}

#[test]
fn processes_that_do_not_agree_are_refused() {
    let place = Place::digits();
    let ended = together(&place, "hier", &[&["--seed", "1"], &["--seed", "2"]]);
    for output in ended {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains("do not agree"), "{said}");
    }
    refused(&mut place.kmeans("hier", &["--n-clusters", "5", "--shard", "3/2"]), 2, &["3/2"]);
}
