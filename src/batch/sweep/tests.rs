//! Job specs and what they expand to.

use proptest::prelude::*;

use super::*;

mod kmeans;

fn grid(parameters: &str) -> Result<Sweep> {
    let indented: String = parameters.lines().map(|line| format!("  {line}\n")).collect();
    parse(&format!("job_details: {{name: g, root: r}}\nparameters:\n{indented}"), Path::new("grid.yaml"))
}

/// The runs as `key=value` texts, paths by their last name.
fn expanded(parameters: &str) -> Vec<String> {
    let sweep = grid(parameters).expect(parameters);
    let value = |value: &Value| match value {
        Value::String(text) => text.rsplit(['/', '\\']).next().unwrap_or_default().to_owned(),
        other => other.to_string(),
    };
    let run = |run: &Run| run.options.iter().map(|(k, v)| format!("{k}={}", value(v))).collect::<Vec<_>>().join(" ");
    sweep.runs.iter().map(run).collect()
}

fn refused(parameters: &str) -> String {
    let error = grid(parameters).expect_err(parameters);
    assert_eq!(error.kind(), crate::base::error::Kind::Usage, "{error}");
    error.to_string()
}

/// Parameters, and the runs that they mean.
const TABLE: &[(&str, &[&str])] = &[
    // scalars only: one run
    ("seed: 1\nbest: 2", &["seed=1 best=2"]),
    // lists multiply, the last fastest
    ("seed: [1, 2]\nbest: [3, 4]", &["seed=1 best=3", "seed=1 best=4", "seed=2 best=3", "seed=2 best=4"]),
    // YAML 1.1 numbers, either dash, words that aren't meant as booleans
    ("tile_rows: 1_000\nsilhouette: off\nforce: on", &["tile-rows=1000 silhouette=off force=true"]),
    // a parameter that is itself a list is a list of lists
    ("levels: [[1, 2], [3]]", &["levels=[1,2]", "levels=[3]"]),
    ("levels: [1, 2]", &["levels=1", "levels=2"]),
    ("metrics: [fast, [inertia, points]]", &["metrics=fast", r#"metrics=["inertia","points"]"#]),
    // null leaves a parameter to its default
    ("seed: [null, 7]", &["", "seed=7"]),
    // blocks vary together, and come first wherever they are written
    (
        "seed: [1, 2]\nLIST_data:\n- {clustering: a, embeddings: a.npy}\n- {clustering: b, embeddings: b.npy}",
        &[
            "clustering=a embeddings=a.npy seed=1",
            "clustering=a embeddings=a.npy seed=2",
            "clustering=b embeddings=b.npy seed=1",
            "clustering=b embeddings=b.npy seed=2",
        ],
    ),
    // a block may hold lists, and need not give what another one gives
    (
        "LIST:\n- {silhouette: exact}\n- {silhouette: 'sample:9', seed: [1, 2]}",
        &["silhouette=exact", "silhouette=sample:9 seed=1", "silhouette=sample:9 seed=2"],
    ),
    ("LIST:\n- {}\n- {seed: 3}", &["", "seed=3"]),
    // and blocks of its own
    (
        "LIST_a:\n- best: 1\n  LIST_b: [{seed: 1, worst: 1}, {seed: 2, worst: 2}]\n- best: 2",
        &["seed=1 worst=1 best=1", "seed=2 worst=2 best=1", "best=2"],
    ),
    // two LIST keys multiply
    (
        "LIST_a: [{best: 1}, {best: 2}]\nLIST_b: [{seed: 1}, {seed: 2}]",
        &["best=1 seed=1", "best=1 seed=2", "best=2 seed=1", "best=2 seed=2"],
    ),
];

#[test]
fn specs_expand_as_documented() {
    for (spec, runs) in TABLE {
        assert_eq!(&expanded(spec), runs, "{spec}");
    }
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let table: &[(&str, &[&str])] = &[
        ("seed: []", &["empty", "grid.yaml, parameters.seed"]),
        ("LIST: []", &["empty", "parameters.LIST"]),
        ("LIST: {seed: 1}", &["list of blocks", "a map"]),
        ("LIST: [1]", &["list of blocks", "parameters.LIST[0]", "a number"]),
        ("sede: [1, 2]", &["unknown key `sede`", "did you mean `seed`", "parameters.sede"]),
        ("LIST_x: [{sede: 1}]", &["did you mean `seed`", "parameters.LIST_x[0].sede"]),
        ("seed: [1, many]", &["`seed`", "parameters.seed[1]"]),
        ("seed: {a: 1}", &["`seed`", "parameters.seed"]),
        ("out: here", &["`out` is not a parameter"]),
        ("seed: 1\nLIST_x: [{best: 1}, {seed: 2}]", &["given twice", "parameters.LIST_x[1].seed and parameters.seed"]),
        ("LIST_x: [{seed: 1}]\nLIST_y: [{seed: 2}]", &["given twice", "LIST_x[0].seed and parameters.LIST_y[0].seed"]),
        (
            "LIST_x: [{seed: 1, LIST: [{seed: 2}]}]",
            &["parameters.LIST_x[0].LIST[0].seed and parameters.LIST_x[0].seed"],
        ),
        (
            "tile-rows: 1\ntile_rows: 2",
            &["`tile-rows` is given twice", "parameters.tile-rows and parameters.tile_rows"],
        ),
        ("LIST_x: [{name: a}, {name: a, seed: 1}]", &["same name", "`a`", "parameters.LIST_x"]),
        ("LIST_x: [{name: [a], seed: 1}]", &["`name` of a block", "a list", "parameters.LIST_x[0].name"]),
        ("name: a", &["unknown key `name`"]),
        ("seed: 1\nseed: 2", &["not valid YAML", "duplicate"]),
        ("seed: [1, 2, 1]", &["the same run twice", "seed: 1"]),
        ("LIST: [{}, {seed: null}]", &["the same run twice"]),
    ];
    for (spec, parts) in table {
        let message = refused(spec);
        assert!(parts.iter().all(|part| message.contains(part)), "{spec}: {message}");
    }
}

#[test]
fn all_errors_are_reported_at_once() {
    let message = refused("sede: 1\nbest: [x]\nLIST: []");
    assert_eq!(message.matches("error:").count(), 3, "{message}");
}

#[test]
fn the_file_around_the_parameters_is_checked_as_well() {
    let table: &[(&str, &str)] = &[
        ("", "not a map"),
        ("- 1", "not a map"),
        ("a: [", "not valid YAML"),
        ("job_details: {name: g, root: r}", "no `parameters`"),
        ("job_details: {name: g, root: r}\nparameters: {}", "no `parameters`"),
        ("parameters: {seed: 1}", "no `job_details`"),
        ("job_details: {name: g}\nparameters: {seed: 1}", "no `root`"),
        ("job_details: {root: r}\nparameters: {seed: 1}", "no `name`"),
        ("job_details: {name: g, root: r, nmae: 1}\nparameters: {seed: 1}", "unknown key `nmae`"),
        ("job_details: {name: g, root: r}\nparameter: {seed: 1}", "did you mean `parameters`"),
        ("job_details: {name: a/b, root: r}\nparameters: {seed: 1}", "\"a/b\""),
        ("job_details: {name: nul.x, root: r}\nparameters: {seed: 1}", "every file system"),
        ("job_details: {name: g, root: r}\nparameters: {seed: 1}\ngrid: {max_runs: -1}", "max_runs"),
        ("job_details: {name: g, root: r}\nparameters: [1]", "is not a map"),
    ];
    for (text, part) in table {
        let message = parse(text, Path::new("grid.yaml")).expect_err(text).to_string();
        assert!(message.contains(part), "{text}: {message}");
    }
}

#[test]
fn too_many_runs_are_refused_before_they_are_expanded() {
    let list = |n: u32| format!("{:?}", (0..n).collect::<Vec<_>>());
    let message = refused(&format!("seed: {}\nbest: {}\nworst: 3", list(101), list(100)));
    assert!(message.contains("at most 10000") && message.contains("10100: seed (101) x best (100)"), "{message}");
    let many = ["seed", "best", "worst", "threads", "tile_rows", "montage_size", "montage_min_size"];
    let wide = |n: u32| format!("{:?}", (1..=n).collect::<Vec<_>>());
    let spec: String = many.iter().map(|key| format!("{key}: {}\n", wide(600))).collect();
    assert!(refused(&spec).contains("far more"));
    let small = "job_details: {name: g, root: r}\ngrid: {max_runs: 3}\nparameters: {seed: [1, 2, 3, 4]}";
    assert!(parse(small, Path::new("g")).is_err());
    assert_eq!(parse(&small.replace("max_runs: 3", "max_runs: 4"), Path::new("g")).expect("fits").runs.len(), 4);
}

fn names(parameters: &str) -> Vec<String> {
    grid(parameters).expect(parameters).runs.into_iter().map(|run| run.name).collect()
}

#[test]
fn names_show_what_varies_and_nothing_else() {
    assert_eq!(names("seed: 1\nbest: 2"), ["run"]);
    assert_eq!(names("best: 2\nseed: [1, null]\nsilhouette: off"), ["seed=1", "seed=default"]);
    assert_eq!(
        names("seed: [1, 2]\nLIST: [{silhouette: off}, {silhouette: 'sample:10'}]"),
        ["block=0,seed=1", "block=0,seed=2", "block=1,seed=1", "block=1,seed=2"],
        "a block is named once, by its index"
    );
    assert_eq!(
        names("LIST_data: [{name: a b, clustering: x, embeddings: y}, {name: 7, clustering: z, embeddings: w}]"),
        ["data=a-b", "data=7"],
        "or by its name"
    );
    assert_eq!(
        names("LIST_s: [{name: off, silhouette: off}, {name: some, silhouette: 'sample:9', seed: [1, 2]}]"),
        ["s=off,seed=default", "s=some,seed=1", "s=some,seed=2"],
        "what a block leaves open is shown as well"
    );
    assert_eq!(
        names("LIST_a: [{name: x, LIST_b: [{seed: 1}, {seed: 2}]}, {name: y}]"),
        ["a=x,b=0", "a=x,b=1", "a=y,b=default"]
    );
    assert_eq!(names("clustering: [x/a b, x/c]"), ["clustering=a-b", "clustering=c"]);
    assert_eq!(names("clustering: [x/k1/hier, x/k2/hier]"), ["clustering=k1-hier", "clustering=k2-hier"]);
    assert_eq!(names("levels: [[1, 2], 3]"), ["levels=1+2", "levels=3"]);
    assert_eq!(names("embeddings: [[a/1.npy, a/2.npy], b/1.npy]"), ["embeddings=1.npy+2.npy", "embeddings=1.npy"]);
    assert_eq!(names("device: ['a.', b]"), ["device=a-", "device=b"]);
}

#[test]
fn names_that_would_collide_get_a_hash() {
    for spec in ["device: [rtx, RTX]", "device: ['a:b', 'a?b']", "clustering: [q/x/y/z/w/h, p/x/y/z/w/h]"] {
        let names = names(spec);
        assert!(names[0].to_lowercase() != names[1].to_lowercase() && names[0].len() > 20, "{names:?}");
    }
    let long = "x".repeat(200);
    let names = names(&format!("device: [{long}a, {long}b, short]"));
    assert_eq!((names[0].len(), names[1].len(), names[2].as_str()), (80, 80, "device=short"));
    assert_ne!(names[0], names[1]);
    // a hash stands for paths, and the scalars stay visible
    let (a, b) = ("a".repeat(50), "b".repeat(50));
    let names = self::names(&format!("clustering: [{a}, {b}]\nlabels: [{a}, {b}]\nseed: [1, 2]"));
    assert_eq!(names.len(), 8);
    assert!(names.iter().enumerate().all(|(i, name)| name.starts_with(&format!("seed={}-", 1 + i % 2))), "{names:?}");
    assert!(names.iter().all(|name| name.len() == "seed=1-".len() + 12), "{names:?}");
}

#[test]
fn names_are_safe_on_every_file_system() {
    for name in ["a", "silhouettes 2026-11", "com", "lptx", "con1", "run.1", "console"] {
        assert!(folder_name::is_safe(name), "{name}");
    }
    for name in ["", ".", "..", ".a", "-a", "a.", "a ", "a/b", "a\\b", "a:b", "a\nb", "con", "NUL.txt", "com1", "ä"] {
        assert!(!folder_name::is_safe(name), "{name}");
    }
}

#[test]
fn a_run_knows_its_folder_and_reads_back_as_settings() {
    let spec =
        "clustering: [h, 'a: b']\nembeddings: [[x.npy, y.npy]]\nsilhouette: off\nforce: yes\ndevice: '0'\nlevels: 2";
    let sweep = grid(spec).expect("valid");
    let here = std::env::current_dir().expect("somewhere");
    assert_eq!(sweep.root, here.join("r"));
    assert_eq!(sweep.runs[0].folder, here.join("r").join("g").join("clustering=h"));
    let options = sweep.runs[1].to_options().expect("reads back");
    assert_eq!(options.clustering, Some(here.join("a: b")));
    assert_eq!(options.embeddings, ["x.npy", "y.npy"].map(|name| here.join(name).display().to_string()));
    assert_eq!(options.silhouette, Some(crate::plan::settings::Silhouette::Off));
    assert_eq!((options.force, options.device.as_deref(), options.levels), (Some(true), Some("0"), vec![2]));
    assert_eq!(options.out, Some(sweep.runs[1].folder.clone()));
    assert_eq!(sweep.runs[0].varied, [("clustering".to_owned(), here.join("h").display().to_string().into())]);
}

#[test]
fn strings_that_look_like_other_yaml_values_stay_strings() {
    let hard =
        ["off", "null", "~", "1e3", "0x10", "1_000", "yes", "", " ", "a\nb", "# a", "{a: 1}", "- a", "*a", "'", "\""];
    let sweep = grid(&format!("device: {}", Value::from(hard.to_vec()))).expect("valid");
    let devices: Vec<_> = sweep.runs.iter().map(|run| run.to_options().expect("reads back").device).collect();
    assert_eq!(devices, hard.map(|text| Some(text.to_owned())));
}

#[test]
fn texts_of_the_file_are_kept_as_they_are_written() {
    let text =
        "job_details: {name: g, root: r}\nparameters: {seed: 1}\nslurm: {requeue: yes, time: '1:00', n: [1_000]}";
    let slurm = parse(text, Path::new("g")).expect("valid").slurm;
    assert_eq!(slurm, serde_json::json!({"requeue": "yes", "time": "1:00", "n": ["1_000"]}));
    let name = |name: &str| {
        let text = format!("job_details: {{name: {name}, root: 007}}\nparameters: {{track-name: [1.10, 1.1, no]}}");
        parse(&text, Path::new("g")).expect("valid")
    };
    let sweep = name("1.10");
    assert_eq!((sweep.name.as_str(), sweep.root.ends_with("007")), ("1.10", true));
    let names: Vec<&Value> = sweep.runs.iter().map(|run| &run.options["track-name"]).collect();
    assert_eq!(names, ["1.10", "1.1", "no"]);
    assert_ne!(name("1.1").runs[0].folder, sweep.runs[0].folder);
}

/// Lists of distinct values for a few parameters, and blocks for two more.
fn specs() -> impl Strategy<Value = (Vec<usize>, Vec<Vec<usize>>)> {
    (prop::collection::vec(0_usize..4, 3), prop::collection::vec(prop::collection::vec(1_usize..4, 2), 0..4))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn runs_are_as_many_as_the_product_and_all_different((lists, blocks) in specs()) {
        let count = |n: usize, from: usize| (from..from + n).map(|v| v.to_string()).collect::<Vec<_>>().join(", ");
        let mut spec = "images: a\n".to_owned();
        for (key, &n) in ["seed", "best", "worst"].iter().zip(&lists).filter(|(_, n)| **n > 0) {
            spec += &format!("{key}: [{}]\n", count(n, 0));
        }
        // blocks with different values of their first parameter
        let block = |(i, sizes): (usize, &Vec<usize>)| {
            format!("{{threads: [{}], tile_rows: [{}]}}", count(sizes[0], 10 * i + 1), count(sizes[1], 1))
        };
        let listed: Vec<String> = blocks.iter().enumerate().map(block).collect();
        if !listed.is_empty() {
            spec += &format!("LIST_b: [{}]\n", listed.join(", "));
        }
        let of_lists: usize = lists.iter().map(|&n| n.max(1)).product();
        let of_blocks: usize = blocks.iter().map(|sizes| sizes[0] * sizes[1]).sum();
        let sweep = grid(&spec).expect("valid");
        prop_assert_eq!(sweep.runs.len(), of_lists * of_blocks.max(1));
        let names: std::collections::BTreeSet<String> = sweep.runs.iter().map(|run| run.name.to_lowercase()).collect();
        prop_assert_eq!(names.len(), sweep.runs.len());
        prop_assert!(sweep.runs.iter().all(|run| folder_name::is_safe(&run.name)));
        // in order: the values of every list come in the order of the file
        let orders: Vec<Vec<u64>> =
            sweep.runs.iter().map(|run| run.options.values().filter_map(Value::as_u64).collect()).collect();
        prop_assert!(orders.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn any_text_is_a_safe_name_and_reads_back(texts in prop::collection::btree_set("\\PC{0,100}", 2..5)) {
        let list = Value::from(texts.iter().cloned().collect::<Vec<_>>());
        let sweep = grid(&format!("device: {list}")).expect("valid");
        for (run, text) in sweep.runs.iter().zip(&texts) {
            prop_assert!(folder_name::is_safe(&run.name), "{}", run.name);
            let device = run.to_options().expect("reads back").device;
            prop_assert_eq!(device.as_ref(), Some(text));
        }
    }
}
