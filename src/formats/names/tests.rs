use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::{ImageName, Names, resolve};

fn written(extension: &str, content: &[u8]) -> tempfile::TempPath {
    let file = tempfile::Builder::new().suffix(extension).tempfile().expect("a temporary file").into_temp_path();
    std::fs::write(&file, content).expect("written");
    file
}

fn named(path: &str, caption: Option<&str>) -> ImageName {
    ImageName { path: path.into(), caption: caption.map(str::to_owned) }
}

fn all(extension: &str, content: &[u8]) -> Result<Vec<ImageName>, String> {
    let file = written(extension, content);
    let names = Names::open(&file).map_err(|finding| finding.to_string())?;
    let wanted: Vec<u64> = (0..names.len()).collect();
    let read = names.read(&wanted).map_err(|finding| finding.to_string())?;
    // one by one, they are the same
    let mut passed = Vec::new();
    let taken = names.read_all(&mut |path, caption| passed.push(named(path, caption)));
    assert_eq!((taken, &passed), (Ok(()), &read));
    Ok(read)
}

#[test]
fn a_text_has_a_path_per_line() {
    let expected = vec![named("a b.png", None), named(" \u{e9},\"x\".png ", None)];
    assert_eq!(all(".txt", "a b.png\n \u{e9},\"x\".png \n".as_bytes()), Ok(expected.clone()));
    assert_eq!(all(".TXT", "\u{feff}a b.png\r\n \u{e9},\"x\".png ".as_bytes()), Ok(expected.clone()));
    assert_eq!(all(".txt", "a b.png\n \u{e9},\"x\".png \n\n\r\n".as_bytes()), Ok(expected));
    assert_eq!(all(".txt", b""), Ok(vec![]));
    assert!(all(".txt", b"a\n\nb\n").is_err_and(|text| text.contains("index 1") && text.contains("empty line")));
    assert!(all(".txt", b"a\nb\n\xff\n").is_err_and(|text| text.contains("index 2") && text.contains("UTF-8")));
    assert!(all(".txt", &[b'a'; (1 << 20) + 2]).is_err_and(|text| text.contains("index 0")));
}

#[test]
fn a_csv_has_a_column_of_paths() {
    assert_eq!(all(".csv", b"path\na.png\n\n\n"), Ok(vec![named("a.png", None)]));
    assert!(all(".csv", b"path\na\n\nb\n").is_err_and(|text| text.contains("index 1")));
    assert!(all(".txt", b"a\0.\0\n\0").is_err_and(|text| text.contains("UTF-16")));
    let expected = vec![named("a.png", Some("x, \"y\"\nz")), named("b.png", None)];
    assert_eq!(all(".csv", b"caption,path\n\"x, \"\"y\"\"\nz\",a.png\n,b.png\n"), Ok(expected.clone()));
    assert_eq!(
        all(".csv", b"\xef\xbb\xbfpath,id,caption\r\na.png,1,\"x, \"\"y\"\"\nz\"\r\nb.png,2,\r\n"),
        Ok(expected)
    );
    assert_eq!(all(".csv", b"path\na.png\n"), Ok(vec![named("a.png", None)]));
    assert!(all(".csv", b"file,caption\na,b\n").is_err_and(|text| text.contains("found:    file, caption")));
    assert!(all(".csv", b"path,caption\na,b\nc\n").is_err_and(|text| text.contains("index 1")));
    assert!(all(".csv", b"path,caption\n,b\n").is_err_and(|text| text.contains("index 0")));
    assert!(all(".csv", b"path\na\n\xff\n").is_err_and(|text| text.contains("UTF-8")));
}

#[test]
fn a_quote_that_stays_open_does_not_take_the_rest_of_the_file() {
    let mut content = b"path\n\"".to_vec();
    content.resize(3 << 20, b'a');
    assert!(all(".csv", &content).is_err_and(|text| text.contains("quote")));
}

#[test]
fn many_lines_do_not_use_up_the_budget_of_one() {
    let content = format!("path\n{}", "images/of/a/rather/long/name.png\n".repeat(100_000));
    assert_eq!(all(".csv", content.as_bytes()).map(|names| names.len()), Ok(100_000));
}

#[test]
fn other_formats_are_refused_with_what_to_do() {
    assert!(all(".parquet", b"PAR1").is_err_and(|text| text.contains(if cfg!(feature = "parquet") {
        "damaged"
    } else {
        "without Parquet"
    })));
    assert!(all(".names", b"PAR1....").is_err_and(|text| text.contains("Parquet")));
    assert!(all(".json", b"[]").is_err_and(|text| text.contains("found:    .json")));
    assert!(Names::open(Path::new("no/such/file.txt")).is_err_and(|finding| finding.to_string().contains("no/such")));
}

#[test]
fn a_file_that_changed_is_noticed() {
    let file = written(".txt", b"a\nb\nc\n");
    let names = Names::open(&file).expect("names");
    assert_eq!(names.read(&[]).expect("nothing"), []);
    std::fs::write(&file, b"a\n").expect("written");
    assert!(names.read(&[2]).is_err_and(|finding| finding.what().contains("changed")));
}

#[test]
fn relative_paths_lie_below_the_root() {
    let root = Path::new("root");
    assert_eq!(resolve("a/b.png", root), PathBuf::from("root").join("a/b.png"));
    let absolute = std::env::temp_dir().join("b.png");
    assert_eq!(resolve(absolute.to_str().expect("Unicode"), root), absolute);
}

proptest! {
    #[test]
    fn what_is_asked_for_comes_in_order(
        paths in prop::collection::vec("[^\r\n\u{feff}\0]{1,12}", 1..40),
        picks in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let wanted: Vec<u64> = picks.iter().map(|pick| pick.index(paths.len()) as u64).collect();
        let file = written(".txt", paths.join("\n").as_bytes());
        let names = Names::open(&file).expect("names");
        prop_assert_eq!(names.len(), paths.len() as u64);
        let read = names.read(&wanted).expect("names");
        let expected: Vec<ImageName> = picks.iter().map(|pick| named(&paths[pick.index(paths.len())], None)).collect();
        prop_assert_eq!(read, expected);
    }

    #[test]
    fn anything_in_a_text_file_is_read_or_refused(content in prop::collection::vec(any::<u8>(), 0..400)) {
        for extension in [".txt", ".csv", ".pkl", ".npy"] {
            let _ = all(extension, &content);
        }
    }
}

#[test]
fn a_pickle_may_hold_lists_of_path_and_caption() {
    let expected = Ok(vec![named("a", Some("x")), named("b", Some("7")), named("c", None)]);
    // pickle.dumps([["a", "x"], ["b", 7], ["c"]], protocol)
    assert_eq!(all(".pkl", b"(lp0\n(lp1\nVa\np2\naVx\np3\naa(lp4\nVb\np5\naI7\naa(lp6\nVc\np7\naa."), expected);
    let second = b"\x80\x02]q\x00(]q\x01(X\x01\x00\x00\x00aq\x02X\x01\x00\x00\x00xq\x03e]q\x04(X\x01\x00\x00\x00bq\x05K\x07e]q\x06X\x01\x00\x00\x00cq\x07ae.";
    assert_eq!(all(".pkl", second), expected);
    let three = b"\x80\x02]q\x00]q\x01(X\x01\x00\x00\x00aq\x02K\x01K\x02ea.";
    assert!(all(".pkl", three).is_err_and(|text| text.contains("a list of 3 entries")));
    let nested = b"\x80\x02]q\x00]q\x01]q\x02aa.";
    assert!(all(".pkl", nested).is_err_and(|text| text.contains("holds a list")));
}
