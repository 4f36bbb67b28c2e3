//! Which array of a file is read, and what is refused.

use std::path::{Path, PathBuf};

use clustrata::base::error::Findings;
use clustrata::formats::embeddings::{Embeddings, ReadOptions, Untyped};

use crate::common::{npy_header, scratch};
use crate::writers::{Matrix, Member, Written, f32_le, zip};

fn open(path: &Path, options: &ReadOptions) -> Result<Embeddings, String> {
    let mut findings = Findings::new();
    let opened = Embeddings::open_with(&[path.to_owned()], options, &mut findings);
    opened.ok_or_else(|| findings.kept()[0].to_string())
}

fn refused(path: &Path, options: &ReadOptions, parts: &[&str]) {
    let text = open(path, options).map(drop).expect_err(&path.display().to_string());
    for part in parts {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(text.contains(&*path.file_name().expect("a name").to_string_lossy()), "{text}");
}

fn array(name: &str) -> ReadOptions {
    ReadOptions { array: Some(name.to_owned()), ..ReadOptions::default() }
}

fn member<'a>(name: &'a str, content: &'a [u8]) -> Member<'a> {
    Member { name, content, deflated: true, claimed: None }
}

fn first_row(path: &Path, options: &ReadOptions) -> Vec<u8> {
    let embeddings = open(path, options).expect("opens");
    let mut row = vec![0; embeddings.row_bytes()];
    embeddings.read_rows(0, &mut row).expect("reads");
    row
}

fn write(folder: &tempfile::TempDir, name: &str, content: &[u8]) -> PathBuf {
    Written::new(folder.path(), name, content).path
}

#[test]
fn an_array_of_a_npz_is_chosen() {
    let folder = scratch();
    let (one, two) = (Matrix::new(3, 2), Matrix::new(4, 2));
    let (a, b) = (one.npy("<f4", f32_le), two.npy("<f4", f32_le));
    let names = [npy_header("<U1", "(1,)", false), vec![0; 4]].concat();
    let path =
        write(&folder, "several.npz", &zip(&[member("a.npy", &a), member("b.npy", &b), member("n.npy", &names)]));
    refused(&path, &ReadOptions::default(), &["several matrices", "`a` (3, 2) of <f4", "`n`", "--array NAME"]);
    refused(&path, &array("c"), &["no such array", "an array `c`", "a; b; n"]);
    refused(&path, &array("n"), &["not floats", "array `n`"]);
    let row = |matrix: &Matrix| matrix.bytes(f32_le)[..8].to_vec();
    assert_eq!(first_row(&path, &array("a")), row(&one));
    assert_eq!(first_row(&path, &array("b")), row(&two));
    assert_ne!(row(&one), row(&two));
    let embeddings = open(&path, &array("b")).expect("opens");
    assert_eq!((embeddings.files()[0].container, embeddings.files()[0].array.as_deref()), ("npz", Some("b")));
    let path = write(&folder, "none.npz", &zip(&[member("n.npy", &names)]));
    refused(&path, &ReadOptions::default(), &["not floats"]);
    refused(&write(&folder, "empty.npz", &zip(&[])), &ReadOptions::default(), &["no such array", "none"]);
}

#[test]
fn an_array_of_safetensors_is_chosen() {
    let folder = scratch();
    let header = r#"{"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1,2],"data_offsets":[8,16]},"i":{"dtype":"I64","shape":[1,1],"data_offsets":[16,24]}}"#;
    let data: Vec<u8> = [1.0_f32, 2.0, 3.0, 4.0, 0.0, 0.0].iter().flat_map(|value| value.to_le_bytes()).collect();
    let file = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &data].concat();
    let path = write(&folder, "x.safetensors", &file);
    refused(&path, &ReadOptions::default(), &["several matrices", "`a` [2, 1] of F32", "--array NAME"]);
    refused(&path, &array("c"), &["no such array", "a; b; i"]);
    refused(&path, &array("i"), &["not floats", "I64"]);
    assert_eq!(first_row(&path, &array("b")), data[8..16]);
    // recognised by its content
    let path = write(&folder, "x.model", &file);
    assert_eq!(first_row(&path, &array("a")), data[..4]);
}

#[test]
fn bfloat16_needs_its_option() {
    let folder = scratch();
    let file = [npy_header("|V2", "(1, 2)", false), vec![0x80, 0x3f, 0x00, 0xc0]].concat();
    let path = write(&folder, "x.npy", &file);
    refused(&path, &ReadOptions::default(), &["not floats", "--dtype bf16", "--embeddings-dtype bf16"]);
    let options = ReadOptions { untyped: Some(Untyped::Bf16), ..ReadOptions::default() };
    assert_eq!(first_row(&path, &options), [1.0_f32, -2.0].map(f32::to_le_bytes).concat());
}

#[test]
fn other_numbers_and_formats_are_refused_with_a_way_out() {
    let folder = scratch();
    let options = ReadOptions::default();
    let npy = |descr: &str| [npy_header(descr, "(1, 1)", false), vec![0; 8]].concat();
    refused(&write(&folder, "i.npy", &npy("<i8")), &options, &["not floats", "a.astype('<f4')"]);
    refused(&write(&folder, "x.h5", b"\x89HDF\r\n\x1a\n"), &options, &["HDF5", "h5py", "DATASET"]);
    refused(&write(&folder, "x.hdf5", b""), &options, &["HDF5"]);
    refused(&write(&folder, "x.bin", b"hello"), &options, &["not a .npy file"]);
}

#[test]
fn vector_files_must_fit_their_length() {
    let folder = scratch();
    let options = ReadOptions::default();
    let bin = |rows: u32, dim: u32, data: usize| [&rows.to_le_bytes()[..], &dim.to_le_bytes(), &vec![0; data]].concat();
    for (name, content, wrong) in [
        ("short.fbin", bin(2, 3, 23), "does not fit"),
        ("long.fbin", bin(2, 3, 25), "does not fit"),
        ("huge.fbin", bin(u32::MAX, u32::MAX, 8), "does not fit"),
        ("empty.fbin", bin(0, 3, 0), "are empty"),
        ("flat.fbin", bin(3, 0, 0), "are empty"),
        ("half.u8bin", bin(2, 3, 7), "does not fit"),
        ("head.fbin", vec![1, 0, 0], "a header of 8 bytes"),
        ("negative.fvecs", [(-1_i32).to_le_bytes(); 2].concat(), "negative"),
        ("none.fvecs", Vec::new(), "at least one row"),
        ("zero.fvecs", vec![0; 8], "are empty"),
        ("cut.fvecs", [&2_i32.to_le_bytes()[..], &[0; 7]].concat(), "does not fit"),
        ("large.bvecs", [&i32::MAX.to_le_bytes()[..], &[0; 7]].concat(), "does not fit"),
    ] {
        refused(&write(&folder, name, &content), &options, &[wrong]);
    }
}

#[test]
fn rows_of_another_length_are_found_while_reading() {
    let folder = scratch();
    let mut content = Vec::new();
    for columns in [2_i32, 2, 3, 2] {
        content.extend(columns.to_le_bytes());
        content.extend([0; 8]);
    }
    let path = write(&folder, "x.fvecs", &content);
    let embeddings = open(&path, &ReadOptions::default()).expect("opens");
    embeddings.read_rows(0, &mut [0; 16]).expect("two good rows");
    let error = embeddings.read_rows(1, &mut [0; 24]).expect_err("a bad one").to_string();
    assert!(error.contains("index 2") && error.contains("expected: 2") && error.contains("found:    3"), "{error}");
}

#[cfg(feature = "parquet")]
#[test]
fn lists_that_are_missing_or_of_another_length_are_named() {
    let folder = scratch();
    let row = |values: &[u8]| values.iter().map(|&value| Some(f32::from(value))).collect::<Vec<_>>();
    let good = vec![row(&[1, 2, 3]); 900];
    for (at, bad, found) in [
        (0, row(&[1, 2]), "values"),
        (7, row(&[1, 2]), "2 values"),
        (500, row(&[1, 2, 3, 4]), "4 values"),
        (899, Vec::new(), "missing"),
        (450, vec![Some(1.0), None, Some(2.0)], "missing"),
    ] {
        let mut rows = good.clone();
        rows[at] = bad;
        let path = folder.path().join("x.parquet");
        crate::parquet_files::ragged(&path, true, &rows);
        let opened = open(&path, &ReadOptions::default());
        let text = match opened {
            // one missing value leaves the number of values as it is
            Ok(embeddings) => embeddings.read_rows(at as u64, &mut [0; 12]).expect_err("is refused").to_string(),
            Err(text) => text,
        };
        let row = if at == 0 { 1 } else { at };
        assert!(text.contains(&format!("index {row}")) || text.contains("index 0"), "{at}: {text}");
        assert!(text.contains(found) || at == 0, "{at}: {text}");
    }
    // two bad rows whose lengths make up for each other
    let mut rows = good;
    (rows[3], rows[4]) = (row(&[1, 2]), row(&[1, 2, 3, 4]));
    let path = folder.path().join("x.parquet");
    crate::parquet_files::ragged(&path, false, &rows);
    let embeddings = open(&path, &ReadOptions::default()).expect("opens");
    let text = embeddings.read_rows(0, &mut [0; 12 * 900]).expect_err("is refused").to_string();
    assert!(text.contains("index 3") && text.contains("2 values"), "{text}");
    // a column for each dimension
    let mut rows = vec![row(&[1, 2, 3]); 900];
    rows[777][1] = None;
    crate::parquet_files::columns_with_gaps(&path, &rows);
    let embeddings = open(&path, &ReadOptions::default()).expect("opens");
    let text = embeddings.read_rows(0, &mut [0; 12]).expect_err("is refused").to_string();
    assert!(text.contains("index 777") && text.contains("missing"), "{text}");
}

#[cfg(feature = "parquet")]
#[test]
fn a_column_of_parquet_is_chosen() {
    let folder = scratch();
    let path = folder.path().join("x.parquet");
    let rows: Vec<_> = (0..20).map(|row: u8| vec![Some(f32::from(row)), Some(7.0), Some(9.0)]).collect();
    let column = |name: &str| ReadOptions { column: Some(name.to_owned()), ..ReadOptions::default() };
    crate::parquet_files::ragged(&path, false, &rows);
    assert_eq!(first_row(&path, &column("emb")), [0.0_f32, 7.0, 9.0].map(f32::to_le_bytes).concat());
    refused(&path, &column("embedding"), &["named `embedding`", "`emb` lists of", "`id`"]);
    refused(&path, &column("id"), &["no column of vectors"]);
    crate::parquet_files::columns_with_gaps(&path, &rows);
    assert_eq!(first_row(&path, &column("x1")), 7.0_f32.to_le_bytes());
    assert_eq!(first_row(&path, &column("x[12]")), [7.0_f32, 9.0].map(f32::to_le_bytes).concat());
    assert_eq!(
        open(&path, &ReadOptions::default()).expect("opens").files()[0].array.as_deref(),
        Some("x0 to x2 (3 columns)")
    );
}

#[cfg(feature = "parquet")]
#[test]
fn columns_of_several_files_must_have_one_order() {
    use clustrata::formats::parquet::{Cells, write};
    let folder = scratch();
    let file = |name: &str, columns: [&str; 3]| {
        let path = folder.path().join(name);
        let cells = columns.map(|column| (column.to_owned(), Cells::Real(vec![Some(1.0), Some(2.0)])));
        write(&path, &cells).expect("writes");
        path
    };
    let (a, b, c) =
        (file("a.parquet", ["x0", "x1", "x2"]), file("b.parquet", ["x0", "x2", "x1"]), folder.path().join("c.npy"));
    std::fs::write(&c, Matrix::new(4, 3).npy("<f8", crate::writers::f64_le)).expect("writes");
    let opened = |paths: &[&PathBuf]| {
        let paths: Vec<PathBuf> = paths.iter().map(|&path| path.clone()).collect();
        let mut findings = Findings::new();
        let opened = Embeddings::open(&paths, &mut findings);
        opened.map(|all| all.rows()).ok_or_else(|| findings.kept()[0].to_string())
    };
    assert_eq!(opened(&[&a, &a]), Ok(4));
    // a file without names fits any
    assert_eq!(opened(&[&c, &b, &b]), Ok(8));
    let text = opened(&[&a, &c, &b]).expect_err("another order");
    assert!(text.contains("b.parquet") && text.contains("`x1` in place 1") && text.contains("`x2`"), "{text}");
}

#[test]
fn an_array_of_a_file_without_names_is_refused() {
    let folder = scratch();
    let path = write(&folder, "x.npy", &Matrix::new(3, 2).npy("<f4", f32_le));
    refused(&path, &array("image"), &["--array names an array", "`image`", "leave out --array"]);
    let column = ReadOptions { column: Some("x".to_owned()), ..ReadOptions::default() };
    refused(&path, &column, &["--column", "Parquet"]);
}
