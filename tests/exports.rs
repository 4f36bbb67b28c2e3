//! `--parquet`: the points and the clusters, as other tools open them.

mod common;

#[cfg(feature = "parquet")]
use std::fs;

use common::{Clustering, Draw, Dtype, metrics, scratch};

/// Two levels of 3-column points; the last row is in no cluster.
fn clustering() -> Clustering {
    let mut draw = Draw(11);
    let mut rows = |count: usize| (0..count).map(|_| (0..3).map(|_| draw.value()).collect()).collect::<Vec<Vec<f64>>>();
    let points = rows(31);
    let first = (0..5).map(|cluster| (0..30).filter(|row| row % 5 == cluster).collect()).collect();
    let levels = vec![(first, rows(5)), (vec![vec![0, 1], vec![2, 3, 4]], rows(2))];
    Clustering { points, dtype: Dtype::F8, levels, subset: None }
}

#[cfg(not(feature = "parquet"))]
#[test]
fn a_program_without_parquet_says_how_to_get_it() {
    let folder = scratch();
    let (hier, embeddings) = clustering().write(folder.path());
    let out = folder.path().join("out");
    let ended = metrics(&hier, &embeddings, &out, &["--device", "cpu", "--allow-unassigned", "--parquet"]);
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(ended.status.code() == Some(2) && said.contains("default features"), "{said}");
    assert!(!out.exists());
}

#[cfg(feature = "parquet")]
mod with_parquet {
    use std::path::Path;

    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::Field;
    use serde_json::Value;

    use super::*;

    /// The cells of a file, row by row, with their columns' names.
    fn read(path: &Path) -> Vec<Vec<(String, Field)>> {
        let file = fs::File::open(path).expect("there");
        let reader = SerializedFileReader::new(file).expect("a Parquet file");
        let rows = reader.get_row_iter(None).expect("rows").map(|row| row.expect("a row"));
        rows.map(|row| row.get_column_iter().map(|(name, cell)| (name.clone(), cell.clone())).collect()).collect()
    }

    fn cell<'a>(row: &'a [(String, Field)], column: &str) -> &'a Field {
        &row.iter().find(|(name, _)| name == column).unwrap_or_else(|| panic!("no {column}")).1
    }

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
        let more =
            ["--device", "cpu", "--allow-unassigned", "--parquet", "--images", list, "--best", "0", "--worst", "0"];
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
        assert!(
            !columns.contains(&"path".to_owned()) && columns.contains(&"level2_distance".to_owned()),
            "{columns:?}"
        );
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
    fn on_the_map(rows: &[Vec<(String, Field)>], record: &Value) -> Result<usize, String> {
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
}
