//! What of a document a write changes, and so which indexes.

use bson::Bson;
use earnorm_core::schema::{IndexSpec, LIVE};

/// What of a document a write changes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Touched<'w> {
    Everything,
    Paths(&'w [(String, Bson)], &'w [String]),
}

impl Touched<'_> {
    /// Whether the values at `path` may become others. Fields of the first level are told apart, no more: paths go
    /// through arrays with and without places.
    pub(crate) fn touches(self, path: &str) -> bool {
        let wanted = field(path);
        let same = |other: &str| field(other) == wanted;
        match self {
            Self::Everything => true,
            Self::Paths(set, unset) => {
                set.iter().any(|(other, _)| same(other)) || unset.iter().any(|other| same(other))
            }
        }
    }

    /// Whether the entries of a unique index may become others.
    pub(crate) fn touches_entries(self, spec: &IndexSpec) -> bool {
        let paths = spec.keys.iter().map(|(path, _)| path).chain(spec.present.iter().map(|(path, _)| path));
        paths.map(String::as_str).chain(spec.live_only.then_some(LIVE)).any(|path| self.touches(path))
    }
}

/// The field of the first level.
fn field(path: &str) -> &[u8] {
    path.as_bytes().split(|byte| *byte == b'.').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    //! Which indexes a patch touches.

    use bson::Bson;
    use earnorm_core::schema::{IndexSpec, LIVE};

    use super::Touched;

    #[test]
    fn a_patch_touches_what_stands_under_and_over_its_paths() {
        let set = [("a.0.b".to_owned(), Bson::Null), ("size".to_owned(), Bson::Null)];
        let unset = ["tags.1".to_owned()];
        let touched = Touched::Paths(&set, &unset);
        for path in ["a", "a.b", "a.0.b.c", "a.c", "size", "size.x", "tags", "tags.1.name"] {
            assert!(touched.touches(path), "{path}");
        }
        for path in ["b", "ab", "si", "sizes", "", "tag"] {
            assert!(!touched.touches(path), "{path}");
        }
    }

    #[test]
    fn a_unique_index_is_touched_at_its_keys_and_at_what_covers_it() {
        let spec = |key: &str, present: &str, live_only| IndexSpec {
            keys: vec![("code".to_owned(), false), (key.to_owned(), false)],
            unique: true,
            present: vec![(present.to_owned(), Bson::MinKey)],
            live_only,
        };
        let sets = |path: &str| [(path.to_owned(), Bson::Null)];
        for (path, spec, touches) in [
            ("name", spec("name", "code", false), true),
            ("email", spec("name", "email.host", false), true),
            (LIVE, spec("name", "code", true), true),
            (LIVE, spec("name", "code", false), false),
            ("city", spec("name", "email", true), false),
        ] {
            assert_eq!(Touched::Paths(&sets(path), &[]).touches_entries(&spec), touches, "{path} of {spec:?}");
            assert_eq!(Touched::Paths(&[], &[path.to_owned()]).touches_entries(&spec), touches, "{path} of {spec:?}");
            assert!(Touched::Everything.touches_entries(&spec) && Touched::Everything.touches(path));
        }
    }
}
