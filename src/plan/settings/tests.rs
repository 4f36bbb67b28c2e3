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
