use std::io::Cursor;
use std::path::Path;

use super::dtype::{Dtype, NotMember};
use super::machine::{Sink, Top, decode};
use super::opcode::scan;
use super::source::{Decoded, Source};
use super::value::{Shape, Value};

/// Keeps the kind or the text of each item.
#[derive(Default)]
struct Items(Vec<String>);

impl Sink for Items {
    const PURPOSE: &'static str = "a test";

    fn begin(&mut self, _: Option<Shape>) -> Decoded<()> {
        Ok(())
    }

    fn item(&mut self, item: &Value, _: &mut Vec<u64>) -> Decoded<()> {
        self.0.push(match item {
            Value::Int(value) => value.to_string(),
            other => other.as_text().unwrap_or(other.kind()).to_owned(),
        });
        Ok(())
    }
}

/// The items of a pickled list.
fn items(pickle: &[u8]) -> Result<Vec<String>, String> {
    let source = || Source::new(Cursor::new(pickle), Path::new("x.pkl"), 0, pickle.len() as u64);
    let mut sink = Items::default();
    let fetched = scan(&mut source(), "a test").map_err(|finding| finding.to_string())?;
    match decode(source(), &fetched, &mut sink) {
        Ok((Top::List, _)) => Ok(sink.0),
        Ok((Top::Array(_), _)) => Err("an array".to_owned()),
        Err(finding) => Err(finding.to_string()),
    }
}

/// The one item of a pickled list.
fn item(code: &[u8]) -> Result<String, String> {
    let mut all = items(&[b"]", code, b"a."].concat())?;
    assert_eq!(all.len(), 1);
    Ok(all.remove(0))
}

#[test]
fn integers_of_every_opcode() {
    for (code, value) in [
        (&b"K\xff"[..], "255"),
        (b"M\xff\xff", "65535"),
        (b"J\xff\xff\xff\xff", "-1"),
        (b"I-12\n", "-12"),
        (b"L4294967296L\n", "4294967296"),
        (b"I9223372036854775807\n", "9223372036854775807"),
        (b"I9223372036854775808\n", "an integer of more than 64 bits"),
        (b"I01\n", "a bool"),
        (b"\x8a\x00", "0"),
        (b"\x8a\x01\x80", "-128"),
        (b"\x8a\x02\x80\x00", "128"),
        (b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f", "9223372036854775807"),
        (b"\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x80\x00", "an integer of more than 64 bits"),
    ] {
        assert_eq!(item(code).as_deref(), Ok(value), "{code:?}");
    }
    for code in [&b"I\n"[..], b"I1x\n", b"I0x10\n", b"Lx\n", b"I \n", b"I\xff\n"] {
        assert!(item(code).is_err_and(|text| text.contains("not a number")), "{code:?}");
    }
}

#[test]
fn strings_of_every_opcode() {
    for (code, value) in [
        (&b"\x8c\x03\xe2\x98\x83"[..], "\u{2603}"),
        (b"X\x01\x00\x00\x00a", "a"),
        (b"\x8d\x01\x00\x00\x00\x00\x00\x00\x00a", "a"),
        (b"V\\u2603\\U0001f600\xe9\n", "\u{2603}\u{1f600}\u{e9}"),
        (b"V\\u005cu0041\\x41\n", "\\u0041\\x41"),
        (b"V\\\\u0041\n", "\\\\u0041"),
        (b"Va\\\n", "a\\"),
        (b"V\n", ""),
    ] {
        assert_eq!(item(code).as_deref(), Ok(value), "{code:?}");
    }
    for code in [&b"\x8c\x01\xff"[..], b"V\\ud800\n", b"V\\u00\n", b"V\\U00110000\n", b"V\\u00g0\n"] {
        assert!(item(code).is_err_and(|text| text.contains("not valid Unicode")), "{code:?}");
    }
}

#[test]
fn a_value_is_fetched_from_the_memo_after_its_batch() {
    let pickle = b"\x80\x04]\x94(\x8c\x01a\x94\x8c\x01b\x94e(h\x02h\x01e.";
    assert_eq!(items(pickle), Ok(["a", "b", "b", "a"].map(str::to_owned).to_vec()));
    assert_eq!(items(b"(lp0\nVa\np7\nag7\na."), Ok(vec!["a".to_owned(); 2]));
    assert!(items(b"\x80\x04](h\x05e.").is_err_and(|text| text.contains("memo slot 5 was never stored")));
}

#[test]
fn values_that_do_not_exist_cannot_be_popped() {
    for pickle in
        [&b"."[..], b"a.", b"e.", b"t.", b"]e.", b"](.", b"\x85.", b"]K\x01", b"R.", b"b.", b"]](a.", b"](\x85e."]
    {
        assert!(items(pickle).is_err(), "{pickle:?}");
    }
    assert_eq!(items(b"]."), Ok(vec![]));
    assert_eq!(items(b"(l."), Ok(vec![]));
    assert_eq!(items(b"(K\x01K\x02l."), Ok(vec!["1".to_owned(), "2".to_owned()]));
}

fn members(code: &str, order: &str, bytes: &[u8]) -> Result<Vec<u64>, (u64, NotMember)> {
    let dtype = Dtype::from_code(code).and_then(|dtype| dtype.with_order(order)).expect("a dtype");
    let mut members = Vec::new();
    dtype.append_members(bytes, &mut members).map(|()| members)
}

#[test]
fn members_of_every_dtype() {
    assert_eq!(members("i1", "|", &[0, 127]), Ok(vec![0, 127]));
    assert_eq!(members("u1", "|", &[0, 255]), Ok(vec![0, 255]));
    assert_eq!(members("i2", ">", &[1, 2]), Ok(vec![0x102]));
    assert_eq!(members("u2", "<", &[1, 0xff]), Ok(vec![0xff01]));
    assert_eq!(members("i4", "<", &70_000_i32.to_le_bytes()), Ok(vec![70_000]));
    assert_eq!(members("u4", ">", &u32::MAX.to_be_bytes()), Ok(vec![u64::from(u32::MAX)]));
    assert_eq!(members("i8", ">", &i64::MAX.to_be_bytes()), Ok(vec![i64::MAX.cast_unsigned()]));
    assert_eq!(members("u8", "<", &7_u64.to_le_bytes()), Ok(vec![7]));
    assert_eq!(members("f4", "<", &16_777_216_f32.to_le_bytes()), Ok(vec![16_777_216]));
    assert_eq!(members("f8", ">", &9_007_199_254_740_991_f64.to_be_bytes()), Ok(vec![9_007_199_254_740_991]));
    assert_eq!(members("f8", "<", &(-0.0_f64).to_le_bytes()), Ok(vec![0]));
}

#[test]
fn elements_that_are_not_members_are_refused() {
    assert_eq!(members("i1", "|", &[1, 0xff]), Err((1, NotMember::Negative(-1))));
    assert_eq!(members("i8", "<", &i64::MIN.to_le_bytes()), Err((0, NotMember::Negative(i64::MIN))));
    assert_eq!(members("u8", "<", &(1_u64 << 63).to_le_bytes()), Err((0, NotMember::TooLarge)));
    assert_eq!(members("f8", "<", &0.5_f64.to_le_bytes()), Err((0, NotMember::NotIntegral(0.5))));
    assert_eq!(members("f8", "<", &(-2.0_f64).to_le_bytes()), Err((0, NotMember::Negative(-2))));
    assert_eq!(members("f8", "<", &9_007_199_254_740_992_f64.to_le_bytes()), Err((0, NotMember::TooLarge)));
    assert_eq!(members("f4", "<", &f32::INFINITY.to_le_bytes()), Err((0, NotMember::NotIntegral(f64::INFINITY))));
    let nan = members("f8", "<", &f64::NAN.to_le_bytes());
    assert!(matches!(nan, Err((0, NotMember::NotIntegral(value))) if value.is_nan()), "{nan:?}");
    for code in ["f2", "b1", "c8", "M8", "V4", "i3", "i", "", "U0", "S0", "U-1", "U4294967295"] {
        assert_eq!(Dtype::from_code(code), None, "{code}");
    }
}
