//! Flags over file over defaults; invalid keys and values.

use super::*;

#[test]
fn a_flag_beats_the_file_and_the_file_beats_the_default() {
    let file = Options::parse("best: 3\nworst: 4\nseed: 100_000\nlevels: [1, 3]\ndevice: 0\n").expect("parses");
    let flags = Options { best: Some(1), clustering: Some("c".into()), ..Options::default() };
    let settings = flags.over(file).resolve().expect("resolves");
    assert_eq!((settings.best, settings.worst, settings.seed), (1, 4, 100_000));
    assert_eq!((settings.levels, settings.device.as_str()), (vec![1, 3], "0"));
    assert_eq!(settings.montage_size, 20);
}

#[test]
fn keys_may_be_written_with_either_dash() {
    let a = Options::parse("tile-rows: 7").expect("parses");
    let b = Options::parse("tile_rows: 7").expect("parses");
    assert_eq!((a.tile_rows, b.tile_rows), (NonZero::new(7), NonZero::new(7)));
}

#[test]
fn an_unknown_key_names_the_nearest_one() {
    let refused = Options::parse("montage_sise: 7").expect_err("unknown").to_string();
    assert!(refused.contains("`montage-sise`") && refused.contains("did you mean `montage-size`"), "{refused}");
}

#[test]
fn a_wrong_value_names_its_key() {
    let refused = Options::parse("best: many").expect_err("not a number").to_string();
    assert!(refused.contains("`best`"), "{refused}");
}

#[test]
fn an_empty_file_sets_nothing() {
    for text in ["", "# only a comment\n", "{}"] {
        assert!(Options::parse(text).expect("parses").best.is_none());
    }
}

#[test]
fn written_settings_read_back() {
    let flags = Options { best: Some(1), clustering: Some("a: b".into()), ..Options::default() };
    let yaml = flags.resolve().expect("resolves").to_yaml().expect("writes");
    let again = Options::parse(&yaml).expect("reads").resolve().expect("resolves");
    assert_eq!(again.to_yaml().expect("writes"), yaml);
}

#[test]
fn texts_are_taken_as_they_are_written() {
    let file = "clustering: 1.10\nembeddings: [007, 1e3]\nout: no\nimages: 0x1F\ndevice: 1_0\ntrack-name: 1.10\n\
        track-tags: [1.10, off, 1_000]\ntrack-group: yes\nforce: yes\nseed: 1_000\nsilhouette: off\nbest: 0x10\n";
    let read = Options::parse(file).expect("parses");
    assert_eq!((read.clustering, read.out), (Some("1.10".into()), Some("no".into())));
    assert_eq!((read.embeddings, read.images), (vec!["007".to_owned(), "1e3".to_owned()], vec!["0x1F".to_owned()]));
    assert_eq!((read.device.as_deref(), read.tracking.track_name.as_deref()), (Some("1_0"), Some("1.10")));
    assert_eq!(read.tracking.track_tags, ["1.10", "off", "1_000"]);
    assert_eq!((read.tracking.track_group.as_deref(), read.force), (Some("yes"), Some(true)));
    assert_eq!((read.seed, read.silhouette, read.best), (Some(1000), Some(Silhouette::Off), Some(16)));
}

#[test]
fn all_bad_keys_are_reported_with_their_lines() {
    let refused =
        Options::parse("best: many\nseed: 3\nworst:\n  -5\nmontage-sise: 7\nlevels: [010]\n").expect_err("bad");
    assert_eq!(refused.findings().count(), 4, "{refused}");
    let text = refused.to_string();
    for part in ["`best`", "line 1", "`worst`", "line 4", "`montage-sise`", "line 5", "`levels`", "line 6", "`010`"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("10.0"), "{text}");
}

#[test]
fn an_empty_device_is_refused() {
    let options = Options { device: Some(" ".into()), clustering: Some("c".into()), ..Options::default() };
    assert!(options.resolve().is_err_and(|error| error.to_string().contains("the device has no name")));
}
