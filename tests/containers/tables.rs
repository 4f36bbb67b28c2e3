//! Names, captions and labels in Parquet files.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use clustrata::base::error::Findings;
use clustrata::formats::labels::{LabelNames, Labels};
use clustrata::formats::names::{NameColumns, Names};
use clustrata::formats::parquet::{Cells, write};
use parquet::data_type::{ByteArrayType, FloatType};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;

use crate::common::{program, record, scratch};

fn texts(prefix: &str, count: usize) -> Cells {
    Cells::Text((0..count).map(|row| Some(format!("{prefix}{row}"))).collect())
}

fn columns(image: Option<&str>, caption: Option<&str>) -> NameColumns {
    NameColumns { image: image.map(str::to_owned), caption: caption.map(str::to_owned) }
}

fn open(paths: &[std::path::PathBuf], columns: &NameColumns) -> Result<Names, String> {
    let mut findings = Findings::new();
    Names::open_all(paths, columns, &mut findings).ok_or_else(|| findings.kept()[0].to_string())
}

#[test]
fn several_files_of_names_are_one_list() {
    let folder = scratch();
    let paths: Vec<_> = (0..3).map(|number| folder.path().join(format!("metadata_{number}.parquet"))).collect();
    for (number, path) in paths.iter().enumerate() {
        let captions = (0..1500).map(|row| (row % 3 > 0).then(|| format!("caption {row}"))).collect();
        let columns = [
            ("key".to_owned(), Cells::Whole((0..1500).map(Some).collect())),
            ("image_path".to_owned(), texts(&format!("{number}/"), 1500)),
            ("caption".to_owned(), Cells::Text(captions)),
        ];
        write(path, &columns).expect("writes");
    }
    let names = open(&paths, &NameColumns::default()).expect("opens");
    assert_eq!(names.len(), 4500);
    let found = names.read(&[4499, 0, 1501, 1500, 0]).expect("reads");
    let found: Vec<_> = found.iter().map(|name| (&*name.path, name.caption.as_deref())).collect();
    let (last, second) = (("2/1499", Some("caption 1499")), ("1/1", Some("caption 1")));
    assert_eq!(found, [last, ("0/0", None), second, ("1/0", None), ("0/0", None)]);
    let mut all = Vec::new();
    names.read_all(&mut |path, _| all.push(path.to_owned())).expect("reads");
    assert_eq!((all.len(), all[1500].as_str()), (4500, "1/0"));
    assert!(names.read(&[4500]).is_err_and(|finding| finding.to_string().contains("4500")));
    let by_key = open(&paths[..1], &columns(Some("key"), None)).expect("opens");
    assert_eq!(by_key.read(&[7]).expect("reads")[0].path, "7");
    let text = open(&paths, &columns(Some("nothing"), None)).map(drop).expect_err("no such column");
    assert!(text.contains("`nothing`") && text.contains("image_path") && text.contains("--image-column"), "{text}");
}

#[test]
fn a_missing_path_is_refused_with_its_row() {
    let folder = scratch();
    let path = folder.path().join("x.parquet");
    let cells = Cells::Text((0..3000).map(|row| (row != 2100).then(|| row.to_string())).collect());
    write(&path, &[("path".to_owned(), cells)]).expect("writes");
    let text = Names::open(&path).map(drop).expect_err("a missing path").to_string();
    assert!(text.contains("no path") && text.contains("index 2100"), "{text}");
}

#[test]
fn a_csv_has_named_columns_and_a_plain_list_has_none() {
    let folder = scratch();
    let (csv, list) = (folder.path().join("x.csv"), folder.path().join("x.txt"));
    std::fs::write(&csv, "file,text\na.png,one\n").expect("writes");
    std::fs::write(&list, "a.png\n").expect("writes");
    let names = open(&[csv, list.clone()], &NameColumns::default());
    assert!(names.is_err_and(|text| text.contains("no column of paths")));
    let by_name = columns(Some("file"), Some("text"));
    let names = open(&[folder.path().join("x.csv")], &by_name).expect("opens").read(&[0]).expect("reads");
    assert_eq!((&*names[0].path, names[0].caption.as_deref()), ("a.png", Some("one")));
    assert!(open(&[list], &by_name).is_err_and(|text| text.contains("--image-column")));
}

#[test]
fn labels_are_read_from_a_column() {
    let folder = scratch();
    let path = folder.path().join("x.parquet");
    let columns = [
        ("label".to_owned(), Cells::Whole(vec![Some(3), None, Some(-1), Some(4), Some(3)])),
        ("class".to_owned(), Cells::Text(["a", "", "b", "a", "c"].map(|text| Some(text.to_owned())).to_vec())),
        ("score".to_owned(), Cells::Real(vec![Some(0.5); 5])),
    ];
    write(&path, &columns).expect("writes");
    let none = clustrata::base::matrix::UNLABELLED;
    let labels = Labels::read(&path, 5).expect("reads");
    assert_eq!((labels.of_rows, labels.names), (vec![0, none, none, 1, 0], LabelNames::Whole(vec![3, 4].into())));
    let labels = Labels::read_column(&path, 5, Some("class")).expect("reads");
    assert_eq!(labels.of_rows, [0, none, 1, 0, 2]);
    for (column, part) in [("score", "does not hold texts or whole numbers"), ("nothing", "`nothing`")] {
        let text = Labels::read_column(&path, 5, Some(column)).expect_err(column).to_string();
        assert!(text.contains(part), "{text}");
    }
    assert!(Labels::read(&path, 4).is_err_and(|finding| finding.to_string().contains("5 labels")));
}

/// Two rows of vectors with their own names, in one file.
fn table(path: &Path) {
    let schema = "message table { required binary path (STRING); required group emb (LIST) { repeated group list { required float \
                  element; } } required binary text (STRING); }";
    let schema = Arc::new(parquet::schema::parser::parse_message_type(schema).expect("a schema"));
    let file = File::create(path).expect("a file");
    let mut writer =
        SerializedFileWriter::new(file, schema, Arc::new(WriterProperties::builder().build())).expect("writes");
    let mut group = writer.next_row_group().expect("a group");
    for text in ["a.png", "", "one"] {
        let mut column = group.next_column().expect("a column").expect("there");
        if text.is_empty() {
            let values = [1.0, 2.0, 3.0, 4.0];
            column.typed::<FloatType>().write_batch(&values, Some(&[1; 4]), Some(&[0, 1, 0, 1])).expect("writes");
        } else {
            column.typed::<ByteArrayType>().write_batch(&[text.into(), "b".into()], None, None).expect("writes");
        }
        column.close().expect("writes");
    }
    group.close().expect("writes");
    writer.close().expect("writes");
}

#[test]
fn vectors_and_names_come_from_one_file() {
    let folder = scratch();
    let path = folder.path().join("x.parquet");
    table(&path);
    let clustering = crate::common::Clustering {
        points: vec![vec![1.0, 2.0], vec![3.0, 4.0]],
        dtype: crate::common::Dtype::F4,
        levels: vec![(vec![vec![0], vec![1]], vec![vec![1.0, 2.0], vec![3.0, 5.0]])],
        subset: None,
    };
    let (hier, _) = clustering.write(folder.path());
    let out = folder.path().join("out");
    let mut command = program();
    command.arg("metrics").arg(hier).arg("--embeddings").arg(&path).arg("--images").arg(&path).arg("--out").arg(&out);
    command.args(["--device", "cpu", "--caption-column", "text", "--montage-min-size", "1"]);
    let output = command.output().expect("starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let record = record(&out);
    assert_eq!(record["levels"][0]["figures"]["inertia"], 1.0);
    assert_eq!(record["images"]["paths"], serde_json::json!(["a.png", "b"]));
    assert_eq!(record["images"]["captions"], serde_json::json!(["one", "b"]));
    assert_eq!(record["inputs"]["embeddings"][0]["array"], "emb");
    assert_eq!(record["inputs"]["images"][0]["path"], path.to_str().expect("text"));
}

/// The folders of clip-retrieval and img2dataset: matrices beside their metadata, each named by a glob.
#[test]
fn the_layout_of_laion_works_with_two_globs() {
    let folder = scratch();
    let at = |name: &str| folder.path().join(name);
    ["img_emb", "metadata"].iter().for_each(|name| std::fs::create_dir(at(name)).expect("made"));
    let rows = |first: usize| (first..first + 6).map(|row| vec![row as f64, 1.0]).collect::<Vec<_>>();
    // the tenth file comes after the second
    for (number, first) in [(2, 0), (10, 6)] {
        let npy = crate::common::npy(&rows(first), crate::common::Dtype::F2);
        std::fs::write(at(&format!("img_emb/img_emb_{number}.npy")), npy).expect("writes");
        let columns = [
            ("image_path".to_owned(), texts(&format!("{number}/"), 6)),
            ("caption".to_owned(), texts("of ", 6)),
            ("NSFW".to_owned(), Cells::Real(vec![None; 6])),
        ];
        write(&at(&format!("metadata/metadata_{number}.parquet")), &columns).expect("writes");
    }
    let points = rows(0).into_iter().chain(rows(6)).collect();
    let members = vec![(0..6).collect(), (6..12).collect()];
    let levels = vec![(members, vec![vec![2.5, 1.0], vec![8.5, 1.0]])];
    let clustering = crate::common::Clustering { points, dtype: crate::common::Dtype::F2, levels, subset: None };
    let (hier, _) = clustering.write(folder.path());
    let mut command = program();
    command.arg("metrics").arg(hier).arg("--embeddings").arg(at("img_emb/img_emb_*.npy"));
    command.arg("--images").arg(at("metadata/metadata_*.parquet")).arg("--out").arg(at("out"));
    let output = command.args(["--device", "cpu", "--montage-min-size", "1"]).output().expect("starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let record = record(&at("out"));
    assert_eq!(record["levels"][0]["figures"]["inertia"], 35.0);
    let images = &record["images"];
    let of_seven = images["rows"].as_array().expect("rows").iter().position(|row| row == 7).expect("shown");
    assert_eq!((&images["paths"][of_seven], &images["captions"][of_seven]), (&"10/1".into(), &"of 1".into()));
}
