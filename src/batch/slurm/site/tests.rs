//! Blocks for Slurm.

use serde_json::json;

use super::*;

fn refused(block: Value) -> String {
    Site::read(&block).expect_err("refused").to_string()
}

#[test]
fn the_program_is_a_path_or_a_command() {
    let words = |binary: &str| Site::read(&json!({ "binary": binary })).expect("valid").binary;
    assert_eq!(words("clustrata"), ["clustrata"]);
    assert_eq!(
        words("apptainer exec --nv '/a b/image.sif' clustrata"),
        ["apptainer", "exec", "--nv", "/a b/image.sif", "clustrata"]
    );
    assert!(refused(json!({"binary": "apptainer exec 'image.sif clustrata"})).contains("close its quotes"));
    assert!(refused(json!({"binary": "bin/nothing exec clustrata"})).contains("does not exist"));
}

#[test]
fn the_key_of_an_account_is_not_written_to_a_script() {
    let message = refused(json!({"variables": {"WANDB_API_KEY": "secret"}}));
    assert!(message.contains("wandb login") && !message.contains("secret"), "{message}");
}

#[test]
fn without_a_block_there_is_one_job_and_nothing_personal() {
    let site = Site::read(&Value::Null).expect("defaults");
    assert_eq!((site.shards, site.signal, site.requeue), (1, 120, true));
    assert_eq!((site.shard_resources, site.merge_resources), (Resources::default(), Resources::default()));
    assert!(site.environment.is_empty() && site.variables.is_empty() && site.scratch.is_none());
}

#[test]
fn the_block_overrides_the_site_file() {
    let base = tempfile::tempdir().unwrap();
    let file = base.path().join("site.yaml");
    std::fs::write(&file, "partition: long\naccount: all\nmax-running: 9\nmerge: {time: 5}\nkmeans: {gpus: 2}\n")
        .unwrap();
    let block = json!({"site": file, "partition": "short", "account": null, "time": 60});
    let site = Site::read(&block).expect("valid");
    assert_eq!(site.max_running, Some(9));
    assert_eq!(site.shard_resources.0, ["--partition=short", "--time=60"]);
    assert_eq!(site.merge_resources.0, ["--partition=short", "--time=5"]);
    assert_eq!(site.kmeans_resources.0, ["--partition=short", "--time=60", "--gpus=2"]);
    let options = site.kmeans_resources.per_process(4);
    assert_eq!(options, ["--ntasks=4", "--partition=short", "--time=60", "--gpus-per-task=2"]);
    std::fs::write(&file, "site: other.yaml\n").unwrap();
    assert!(refused(block).contains("unknown key of `slurm` `site`"));
    assert!(refused(json!({"site": base.path().join("none.yaml")})).contains("can't read"));
}

#[test]
fn texts_are_taken_as_they_are_written() {
    let text = "variables: {CUDA: 12.10, FLAG: no, ID: 007, E: 1e3, H: 0x1F}\naccount: 1_000\npartition: 1.10\n\
        requeue: no\nshards: 1_000\ncpus: 1_6\nqos: on\ntime: 1:30:00\nenvironment: [1.10]\n";
    let site = Site::read(&yaml::parse(text).expect("YAML").value).expect("valid");
    let variables: Vec<String> = site.variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(variables, ["CUDA=12.10", "E=1e3", "FLAG=no", "H=0x1F", "ID=007"]);
    assert_eq!((site.requeue, site.shards, site.environment), (false, 1000, vec!["1.10".to_owned()]));
    let want = ["--partition=1.10", "--account=1_000", "--qos=on", "--time=1:30:00", "--cpus-per-task=16"];
    assert_eq!(site.shard_resources.0, want);
}

#[test]
fn errors_name_the_wrong_key() {
    assert!(refused(json!({"shrads": 3})).contains("did you mean `shards`"));
    assert!(refused(json!({"merge": {"tme": 3}})).contains("did you mean `time`"));
    assert!(refused(json!({"kmeans": {"tsks": 3}})).contains("unknown key of `slurm: kmeans`"));
    assert!(refused(json!({"kmeans": 3})).contains("`slurm: kmeans` is not valid"));
    assert!(refused(json!({"merge": {"shards": 3}})).contains("unknown key of `slurm: merge`"));
    assert!(refused(json!({"shards": 0})).contains("`slurm: shards`"));
    assert!(refused(json!({"environment": "module load x"})).contains("`slurm: environment`"));
    assert!(refused(json!({"environment": ["a\nb"]})).contains("not a single line"));
    assert!(refused(json!({"variables": {"A B": 1}})).contains("`slurm: variables`"));
    assert!(refused(json!({"variables": {"A": [1]}})).contains("`slurm: variables`"));
    assert!(refused(json!({"binary": "/no/such/clustrata"})).contains("does not exist"));
    assert!(refused(json!({"mail": "me, you"})).contains("`slurm: mail`"));
    assert!(refused(json!({"keep_parts": 3})).contains("`slurm: keep_parts`"));
    assert!(refused(json!({"scratch": ""})).contains("`slurm: scratch`"));
    assert!(refused(json!([1])).contains("not valid"));
    let far = refused(json!({"colour": 3}));
    assert!(far.contains("one of: shards, ") && !far.contains("did you mean"), "{far}");
}

#[test]
fn the_example_names_every_key_and_only_keys() {
    let example = include_str!("../../../../configs/slurm-example.yaml");
    let block = |text: &str| -> Value { yaml::parse(text).expect("YAML").value["slurm"].clone() };
    Site::read(&block(example)).expect("the keys that are set are valid");
    let uncommented: String = example
        .lines()
        .map(|line| {
            line.strip_prefix("  # ")
                .filter(|rest| !rest.starts_with('-'))
                .map_or(line.to_owned(), |rest| format!("  {rest}"))
        })
        .filter(|line| !line.contains("site:") && !line.contains("binary:"))
        .map(|line| line + "\n")
        .collect();
    let everything = block(&uncommented);
    Site::read(&everything).expect("the keys that are commented out are valid, too");
    for key in BLOCK.into_iter().chain([MERGE, KMEANS, SITE]).chain(resources::names()) {
        assert!(everything.get(key).is_some() || example.contains(&format!("# {key}: ")), "`{key}` is missing");
    }
}
