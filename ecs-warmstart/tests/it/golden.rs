//! Files that outputs are held against.

use std::path::PathBuf;

/// Holds `actual` against a file in `tests/golden`. With `UPDATE_GOLDEN=1` the file is written instead; read the
/// difference before you commit it.
#[track_caller]
pub(crate) fn check(name: &str, actual: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, actual).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    for (line, (expected, actual)) in expected.lines().zip(actual.lines()).enumerate() {
        assert_eq!(actual, expected, "{name}:{} (UPDATE_GOLDEN=1 writes the file anew)", line + 1);
    }
    assert_eq!(actual.lines().count(), expected.lines().count(), "{name} has another number of lines");
}
