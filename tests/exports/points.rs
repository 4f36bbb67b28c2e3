//! The points: names, clusters, distances and places of every row.

use std::fs;

use clustrata::formats::parquet::Cells;
use parquet::record::Field;
use serde_json::Value;

use crate::common::{self, Clustering, Dtype, metrics, scratch};
use crate::fixtures::{Row, cell, clustering, has, read, real, succeeded};

#[test]
fn points_have_names_labels_and_distances() {
    let folder = scratch();
    let clustering = clustering();
    let (hier, embeddings) = clustering.write(folder.path());
    let names: String = (0..31).map(|row| format!("images/{row}.png,\"a, {row}\"\n")).collect();
    let list = folder.path().join("names.csv");
    fs::write(&list, format!("path,caption\n{names}")).expect("writes");
    let out = folder.path().join("out");
    let list = list.to_str().expect("UTF-8");
    let more = ["--device", "cpu", "--allow-unassigned", "--parquet", "--images", list, "--best", "0", "--worst", "0"];
    common::judged(&hier, &embeddings, &out, &more);
    let rows = read(&out.join("points.parquet"));
    let labels = clustering.labels();
    assert_eq!(rows.len(), 31);
    for (i, row) in rows.iter().enumerate() {
        assert_eq!(cell(row, "row"), &Field::Long(i as i64));
        let path = folder.path().join(format!("images/{i}.png"));
        assert_eq!(cell(row, "path"), &Field::Str(path.to_str().expect("UTF-8").to_owned()));
        assert_eq!(cell(row, "caption"), &Field::Str(format!("a, {i}")));
        for (level, labels) in labels.iter().enumerate() {
            let label = labels[i];
            let want = label.map_or(Field::Null, |label| Field::Long(label as i64));
            assert_eq!(cell(row, &format!("level{}", level + 1)), &want);
            match (cell(row, &format!("level{}_distance", level + 1)), label) {
                (Field::Float(got), Some(label)) => {
                    let want = common::distance(&clustering.points[i], &clustering.levels[level].1[label]);
                    assert!((f64::from(*got) - want).abs() <= 1e-5 * want, "{got} {want}");
                }
                (got, label) => assert_eq!((got, label), (&Field::Null, None)),
            }
        }
    }
    assert_eq!(cell(&rows[30], "level1"), &Field::Null, "in no cluster");
    assert!(!out.join("level1/distances.npy").exists(), "which was not asked for");
}

#[test]
fn clusters_have_the_metrics_of_the_record() {
    let folder = scratch();
    let (hier, embeddings) = clustering().write(folder.path());
    let out = folder.path().join("out");
    let more = ["--device", "cpu", "--allow-unassigned", "--parquet", "--metrics", "all", "--yes"];
    let record = common::judged(&hier, &embeddings, &out, &more);
    let mut compared = 0;
    for level in record["levels"].as_array().expect("levels") {
        let rows = read(&out.join(format!("level{}/clusters.parquet", level["level"])));
        for (cluster, row) in rows.iter().enumerate() {
            for (name, figures) in level["clusters"].as_object().expect("columns") {
                let got = match cell(row, name) {
                    Field::Long(whole) => Value::from(*whole),
                    Field::Double(real) => Value::from(*real),
                    _ => Value::Null,
                };
                assert_eq!(got, figures[cluster], "{name}");
                compared += 1;
            }
        }
    }
    assert!(compared > 50, "{compared}");
    // without names there are no columns of names
    let columns: Vec<String> = read(&out.join("points.parquet"))[0].iter().map(|(name, _)| name.clone()).collect();
    assert!(!columns.contains(&"path".to_owned()) && columns.contains(&"level2_distance".to_owned()), "{columns:?}");
}

#[test]
fn merged_parts_and_whole_runs_export_the_same() {
    let folder = scratch();
    let (hier, embeddings) = clustering().write(folder.path());
    let (whole, parts) = (folder.path().join("whole"), folder.path().join("parts"));
    let more = ["--device", "cpu", "--allow-unassigned", "--parquet", "--metrics", "fast"];
    common::judged(&hier, &embeddings, &whole, &more);
    for shard in ["1/2", "2/2"] {
        let ended = metrics(&hier, &embeddings, &parts, &[&more[..], &["--shard", shard]].concat());
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    }
    let merged = common::program().arg("merge").arg(&parts).output().expect("starts");
    assert!(merged.status.success(), "{}", String::from_utf8_lossy(&merged.stderr));
    let rows = read(&whole.join("points.parquet"));
    assert_eq!(read(&parts.join("points.parquet")), rows);
    assert_ne!(rows[0], rows[1]);
}

/// Larger than a group of rows; the map shows some of them.
#[test]
fn many_rows_are_written_group_by_group() {
    let folder = scratch();
    let count = (1u64 << 17) + 5;
    let points: Vec<Vec<f64>> = (0..count).map(|row| vec![(row % 7) as f64, 1.0]).collect();
    let members =
        vec![(0..count).filter(|row| row % 2 == 0).collect(), (0..count).filter(|row| row % 2 == 1).collect()];
    let levels = vec![(members, vec![vec![0.0, 0.0], vec![3.0, 3.0]])];
    let (hier, embeddings) = Clustering { points, dtype: Dtype::F4, levels, subset: None }.write(folder.path());
    let out = folder.path().join("out");
    let record = common::judged(&hier, &embeddings, &out, &["--device", "cpu", "--metrics", "fast", "--parquet"]);
    let rows = read(&out.join("points.parquet"));
    assert_eq!(rows.len() as u64, count);
    let last = rows.last().expect("rows");
    assert_eq!((cell(last, "row"), cell(last, "level1")), (&Field::Long(count as i64 - 1), &Field::Long(0)));
    assert_eq!(on_the_map(&rows, &record), Ok(2_000));
    let mut moved = rows;
    moved.rotate_left(1);
    assert!(on_the_map(&moved, &record).is_err(), "the control");
}

/// Holds the places of the map's points against those of all rows; how many.
fn on_the_map(rows: &[Row], record: &Value) -> Result<usize, String> {
    let map = &record["map"]["points"];
    let chosen = map["rows"].as_array().expect("a map");
    for (i, row) in chosen.iter().enumerate() {
        let row = &rows[usize::try_from(row.as_u64().expect("a row")).expect("small")];
        for axis in ["x", "y"] {
            let want = map[axis][i].as_f64().expect("a place");
            match cell(row, axis) {
                Field::Float(got) if (f64::from(*got) - want).abs() <= 1e-5 => {}
                got => return Err(format!("{axis} of {i}: {got} for {want}")),
            }
        }
    }
    Ok(chosen.len())
}

#[test]
fn every_finite_row_has_a_place_unless_there_is_no_map() {
    let folder = scratch();
    let mut clustering = clustering();
    clustering.points[7][1] = f64::NAN;
    let (hier, embeddings) = clustering.write(folder.path());
    let out = folder.path().join("out");
    let more = ["--device", "cpu", "--allow-unassigned", "--nonfinite", "skip", "--metrics", "fast", "--parquet"];
    let record = common::judged(&hier, &embeddings, &out, &more);
    let rows = read(&out.join("points.parquet"));
    let without: Vec<usize> = (0..31).filter(|&row| *cell(&rows[row], "x") == Field::Null).collect();
    assert_eq!((without, on_the_map(&rows, &record)), (vec![7], Ok(29)));
    let none = common::judged(&hier, &embeddings, &out, &[&more[..], &["--force", "--map", "none"]].concat());
    let columns: Vec<String> = read(&out.join("points.parquet"))[0].iter().map(|(name, _)| name.clone()).collect();
    assert!(none["map"].is_null() && !columns.contains(&"x".to_owned()), "{columns:?}");
}

/// The places of the points that t-SNE placed; how many of `rows` differ from the record's.
fn off_the_map(rows: &[Row], record: &Value) -> usize {
    let placed = &record["map"]["tsne"]["points"];
    let numbers: Vec<u64> = placed["rows"].as_array().expect("rows").iter().filter_map(Value::as_u64).collect();
    let differs = |(number, row): (usize, &Row)| {
        let at = numbers.iter().position(|&placed| placed == number as u64);
        ["x", "y"].iter().any(|axis| {
            let want = at.and_then(|at| placed[axis][at].as_f64());
            let got = real(row, &format!("tsne_{axis}"));
            got.is_some() != want.is_some() || got.zip(want).is_some_and(|(got, want)| (got - want).abs() > 1e-5)
        })
    };
    rows.iter().enumerate().filter(|(number, row)| differs((*number, row))).count()
}

#[test]
fn points_have_their_places_by_t_sne_and_the_users_labels() {
    let folder = scratch();
    let mut clustering = clustering();
    clustering.points[7][1] = f64::NAN;
    let (hier, embeddings) = clustering.write(folder.path());
    let labels: String = (0..31).map(|row| if row == 4 { "\n".into() } else { format!("k {}\n", row % 3) }).collect();
    let file = folder.path().join("labels.txt");
    fs::write(&file, labels).expect("writes");
    let out = folder.path().join("out");
    let more = ["--device", "cpu", "--allow-unassigned", "--nonfinite", "skip", "--metrics", "fast", "--parquet"];
    let labelled = ["--labels", file.to_str().expect("UTF-8")];
    let record = common::judged(&hier, &embeddings, &out, &[&more[..], &labelled].concat());
    let rows = read(&out.join("points.parquet"));
    assert_eq!(off_the_map(&rows, &record), 0);
    let placed = rows.iter().filter(|row| real(row, "tsne_x").is_some()).count();
    assert_eq!(placed, 29, "not the row that is not finite, nor the one in no cluster");
    let mut moved = rows.clone();
    moved.rotate_left(1);
    assert!(off_the_map(&moved, &record) > 20, "the control");
    for (number, row) in rows.iter().enumerate() {
        let want = if number == 4 { Field::Null } else { Field::Str(format!("k {}", number % 3)) };
        assert_eq!(cell(row, "label"), &want, "{number}");
    }
    let plane = common::judged(&hier, &embeddings, &out, &[&more[..], &["--force", "--map", "pca"]].concat());
    let rows = read(&out.join("points.parquet"));
    assert!(plane["map"]["tsne"].is_null() && has(&rows[0], "x"));
    assert!(!has(&rows[0], "tsne_x") && !has(&rows[0], "label"));
}

#[test]
fn clusters_name_their_parents() {
    let folder = scratch();
    let (hier, embeddings) = clustering().write(folder.path());
    let out = folder.path().join("out");
    let more = ["--device", "cpu", "--allow-unassigned", "--parquet", "--metrics", "fast"];
    common::judged(&hier, &embeddings, &out, &more);
    let parents = |level: u32| -> Vec<Option<f64>> {
        read(&out.join(format!("level{level}/clusters.parquet"))).iter().map(|row| real(row, "parent")).collect()
    };
    assert_eq!(parents(1), [0.0, 0.0, 1.0, 1.0, 1.0].map(Some));
    assert_eq!(parents(2), [None; 2]);
    let table = |level: u32| fs::read_to_string(out.join(format!("level{level}/clusters.csv"))).expect("a table");
    let starts = |text: &str| -> Vec<String> {
        text.lines().map(|line| line.split(',').take(2).collect::<Vec<_>>().join(",")).collect()
    };
    assert_eq!(starts(&table(1)), ["cluster,parent", "0,0", "1,0", "2,1", "3,1", "4,1"]);
    assert_eq!(starts(&table(2)), ["cluster,parent", "0,", "1,"]);
    // without the level above
    common::judged(&hier, &embeddings, &out, &[&more[..], &["--levels", "1", "--force"]].concat());
    assert_eq!(parents(1), [None; 5]);
}

#[test]
fn ids_of_parquet_embeddings_are_texts() {
    let folder = scratch();
    let clustering = clustering();
    let (hier, _) = clustering.write(folder.path());
    // in two files, so that the rows of the second follow
    let files = [(0..20, "a.parquet"), (20..31, "b.parquet")].map(|(rows, name)| {
        let path = folder.path().join(name);
        let id = |row: &usize| (*row != 4).then(|| format!("id {row}"));
        let mut columns = vec![("id".to_owned(), Cells::Text(rows.clone().map(|row| id(&row)).collect()))];
        for column in 0..3 {
            let values = rows.clone().map(|row| Some(clustering.points[row][column])).collect();
            columns.push((format!("c{column}"), Cells::Real(values)));
        }
        clustrata::formats::parquet::write(&path, &columns).expect("writes");
        path
    });
    let out = folder.path().join("out");
    let mut command = common::program();
    command.arg("metrics").arg(&hier).arg("--embeddings").args(&files).args(["--column", "c*"]);
    command.args(["--device", "cpu", "--allow-unassigned", "--parquet", "--metrics", "fast"]).arg("--out").arg(&out);
    succeeded(&mut command);
    for (number, row) in read(&out.join("points.parquet")).iter().enumerate() {
        let want = if number == 4 { Field::Null } else { Field::Str(format!("id {number}")) };
        assert_eq!(cell(row, "id"), &want);
    }
}
