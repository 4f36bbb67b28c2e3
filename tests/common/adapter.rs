//! The adapter that the tests must find.
//!
//! Where a machine has no adapter, tests of the GPU backend skip. `script/test` installs software rasterizers, so there a
//! missing adapter is a failure: the script names the expected one in this variable. An empty value accepts any adapter.

const VARIABLE: &str = "CLUSTRATA_EXPECT_ADAPTER";

/// Fails if the expected adapter is not among the usable ones.
pub(crate) fn assert_expected<'a>(usable: impl IntoIterator<Item = &'a str>) {
    let usable: Vec<&str> = usable.into_iter().collect();
    if let Ok(expected) = std::env::var(VARIABLE) {
        assert!(is_among(&expected, &usable), "{VARIABLE}: no usable adapter has `{expected}` in its name: {usable:?}");
    }
}

/// Whether a name contains the text, ignoring case.
pub(crate) fn is_among(expected: &str, names: &[&str]) -> bool {
    names.iter().any(|name| name.to_lowercase().contains(&expected.to_lowercase()))
}
