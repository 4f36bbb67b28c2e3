//! k-means by processes that Open MPI's mpirun starts. Only built with the cargo feature `mpi`; `script/test-mpi` runs it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

use ndarray::Array2;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_clustrata");
const RANKS: usize = 4;

/// Starts the program, says what its process number and its exit code are, and hands on the signal that mpirun sends.
const WRAPPER: &str = r#"
"$PROGRAM" "$@" &
child=$!
echo "$child" >"$NOTES/pid.$OMPI_COMM_WORLD_RANK"
trap 'kill -TERM "$child"' TERM
code=255
while kill -0 "$child" 2>/dev/null; do wait "$child"; code=$?; done
echo "$code" >"$NOTES/code.$OMPI_COMM_WORLD_RANK"
exit "$code"
"#;

struct Place(TempDir);

impl Place {
    /// A folder with points in groups.
    fn new() -> Place {
        let folder = tempfile::tempdir().expect("a folder");
        let mut bits = 1_u64;
        let mut next = || {
            bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            f32::from(u16::try_from(bits >> 48).expect("16 bits")) / 65_536.0
        };
        let points = Array2::from_shape_fn((20_000, 48), |(row, column)| {
            f32::from(u8::try_from(row * (column + 3) % 53).expect("small")) * 0.05 + next()
        });
        ndarray_npy::write_npy(folder.path().join("points.npy"), &points).expect("written");
        Place(folder)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Arguments of `kmeans`.
    fn arguments(&self, out: &str, more: &[&str]) -> Vec<String> {
        let text = |path: PathBuf| path.to_str().expect("UTF-8").to_owned();
        let mut arguments = vec!["kmeans".to_owned(), "--embeddings-path".to_owned(), text(self.at("points.npy"))];
        arguments.extend(["--out".to_owned(), text(self.at(out))]);
        arguments.extend(["--device", "cpu", "--threads", "1"].iter().chain(more).map(|&word| word.to_owned()));
        arguments
    }

    /// mpirun of four ranks, with its own `options`, then a command.
    fn mpirun(&self, options: &[&str]) -> Command {
        let mut command = Command::new("mpirun");
        // the tests may run as root, and on fewer cores than ranks
        command.envs([("OMPI_ALLOW_RUN_AS_ROOT", "1"), ("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1")]);
        command.args(["--oversubscribe", "-n", "4"]).args(options);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn record(&self, out: &str) -> serde_json::Value {
        serde_json::from_slice(&fs::read(self.at(out).join("kmeans.json")).expect("a record")).expect("JSON")
    }
}

/// All arrays of a clustering.
fn arrays(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(path) = open.pop() {
        for entry in fs::read_dir(path).expect("a folder").flatten() {
            match entry.path() {
                path if path.is_dir() => open.push(path),
                path if path.extension().is_some_and(|extension| extension == "npy") => {
                    let name = path.strip_prefix(folder).expect("inside").to_owned();
                    all.insert(name, fs::read(&path).expect("read"));
                }
                _ => {}
            }
        }
    }
    assert!(all.len() > 3, "{all:?}");
    all
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn succeeded(output: &Output) {
    assert!(output.status.success(), "{}", said(output));
}

const TWO_LEVELS: [&str; 8] =
    ["--n-clusters", "200,20", "--n-resampling-steps", "2,1", "--sample-size", "8,1", "--n-iters", "12"];

#[test]
fn four_ranks_give_the_bits_of_four_processes_over_tcp() {
    let place = Place::new();
    let output = place.mpirun(&[PROGRAM]).args(place.arguments("mpi", &TWO_LEVELS)).output().expect("mpirun");
    succeeded(&output);
    for rank in 0..RANKS {
        assert!(said(&output).contains(&format!("MPI: rank {rank} of {RANKS}")), "{}", said(&output));
    }
    let over_tcp = |out: &str, seed: &str| {
        let start = |index: usize| {
            let shard = format!("{index}/{RANKS}");
            let more = [&TWO_LEVELS[..], &["--shard", &shard, "--seed", seed]].concat();
            let mut command = Command::new(PROGRAM);
            command.args(place.arguments(out, &more)).stdout(Stdio::null()).stderr(Stdio::piped());
            command.spawn().expect("starts")
        };
        let children: Vec<_> = (1..=RANKS).map(start).collect();
        for child in children {
            let output = child.wait_with_output().expect("ends");
            succeeded(&output);
            assert!(!said(&output).contains("MPI:"));
        }
        arrays(&place.at(out))
    };
    let by_mpi = arrays(&place.at("mpi"));
    assert!(by_mpi == over_tcp("tcp", "0"), "the same bits");
    // negative control
    assert!(by_mpi != over_tcp("other", "1"));
    // the same number of values, without the length that TCP puts before each message
    let exchanged = |out: &str| {
        let record = place.record(out);
        assert_eq!(record["processes"], RANKS);
        record["steps"][0]["exchanged"]["bytes_sent"].as_u64().expect("a count")
    };
    let (mpi, tcp) = (exchanged("mpi"), exchanged("tcp"));
    assert!(mpi < tcp && (tcp - mpi) % 8 == 0 && tcp - mpi < tcp / 100, "{mpi} and {tcp} bytes");
}

#[test]
fn a_lost_rank_ends_all_so_that_they_can_be_resumed() {
    let place = Place::new();
    let more = ["--n-clusters", "1500", "--n-iters", "60", "--init", "random", "--checkpoint", "0s", "--resume"];
    let whole = place.mpirun(&[PROGRAM]).args(place.arguments("whole", &more)).output().expect("mpirun");
    succeeded(&whole);
    let whole = arrays(&place.at("whole"));
    // mpirun ends the other ranks itself with SIGTERM, here with time to write checkpoints; or it leaves them alone
    let patient = ["--mca", "odls_base_sigkill_timeout", "10"];
    let indifferent = ["--mca", "orte_abort_on_non_zero_status", "0"];
    for (number, (options, signal, code_of_lost)) in
        [(&patient, "-KILL", 137), (&indifferent, "-KILL", 137), (&patient, "-TERM", 75)].into_iter().enumerate()
    {
        let out = format!("lost{number}");
        let notes = place.at(&format!("notes{number}"));
        fs::create_dir(&notes).expect("created");
        let mut command = place.mpirun(options);
        command.env("PROGRAM", PROGRAM).env("NOTES", &notes).args(["bash", "-c", WRAPPER, "wrapper"]);
        let mut ranks = command.args(place.arguments(&out, &more)).spawn().expect("mpirun");
        let sign = place.at(&out).join("level1/step0/checkpoint-2.part");
        while !sign.exists() && ranks.try_wait().expect("a child").is_none() {
            sleep(Duration::from_millis(1));
        }
        let process = fs::read_to_string(notes.join("pid.2")).expect("it runs");
        let sent = Command::new("kill").args([signal, process.trim()]).status().expect("kill");
        let output = ranks.wait_with_output().expect("ends");
        assert!(sent.success(), "rank 2 was there: {}", said(&output));
        for rank in 0..RANKS {
            let code = fs::read_to_string(notes.join(format!("code.{rank}"))).unwrap_or_default();
            let expected = if rank == 2 { code_of_lost } else { 75 };
            assert_eq!(code.trim(), expected.to_string(), "{options:?} {signal}, rank {rank}: {}", said(&output));
        }
        if signal == "-TERM" {
            assert_eq!(output.status.code(), Some(75), "mpirun returns it: {}", said(&output));
        }
        assert_eq!(place.record(&out)["complete"], false);
        let resumed = place.mpirun(&[PROGRAM]).args(place.arguments(&out, &more)).output().expect("mpirun");
        succeeded(&resumed);
        assert!(arrays(&place.at(&out)) == whole, "{options:?} {signal}: the bits of a run without a loss");
    }
}

#[test]
fn without_a_launcher_or_with_a_shard_there_is_no_mpi() {
    let place = Place::new();
    for (number, (variables, shard)) in
        [(None, None), (Some(("OMPI_COMM_WORLD_SIZE", "4")), Some("1/1"))].into_iter().enumerate()
    {
        let out = format!("alone{number}");
        let more = [&TWO_LEVELS[..], &shard.map_or(vec![], |shard| vec!["--shard", shard])].concat();
        let output = Command::new(PROGRAM).envs(variables).args(place.arguments(&out, &more)).output().expect("starts");
        succeeded(&output);
        assert_eq!(place.record(&out)["processes"], 1);
        assert!(!said(&output).contains("MPI:"), "{}", said(&output));
    }
}

#[test]
fn a_rank_with_other_settings_is_refused() {
    let place = Place::new();
    let of_rank = r#"exec "$PROGRAM" "$@" --seed "$OMPI_COMM_WORLD_RANK""#;
    let mut command = place.mpirun(&["bash", "-c", of_rank, "wrapper"]);
    let output = command.env("PROGRAM", PROGRAM).args(place.arguments("out", &TWO_LEVELS)).output().expect("mpirun");
    assert!(said(&output).contains("do not agree"), "{}", said(&output));
    assert_eq!(output.status.code(), Some(2), "mpirun returns what the first rank returned");
}
