//! From a path to the longest known prefix of it, in a time that does not grow with their number.

use std::collections::HashMap;

/// Prefixes of paths, each ending where a segment of a path ends, and numbered in the order in which
/// they were given.
///
/// A few are compared one after another, which is quicker than anything else; of many, the path is
/// cut at its slashes, from the right, until what is left is known.
pub(super) struct Prefixes {
    /// Longest first, each with its number.
    few: Vec<(Box<str>, usize)>,
    many: HashMap<Box<str>, usize>,
    /// The length of the longest: cuts behind it are of no use.
    longest: usize,
}

impl Prefixes {
    /// These prefixes, none of which ends with a slash; of equal ones the first counts.
    pub(super) fn new<'a>(prefixes: impl Iterator<Item = &'a str>) -> Self {
        let numbered = prefixes.enumerate().map(|(number, prefix)| (prefix.into(), number));
        let mut few = numbered.collect::<Vec<(Box<str>, usize)>>();
        few.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
        let longest = few.first().map_or(0, |(prefix, _)| prefix.len());
        let mut many = HashMap::new();
        if few.len() > FEW {
            for (prefix, number) in few.drain(..) {
                many.entry(prefix).or_insert(number);
            }
        }
        Self { few, many, longest }
    }

    /// The number of the longest one that is this path or ends before a slash of it.
    pub(super) fn find(&self, path: &str) -> Option<usize> {
        if self.many.is_empty() { self.one_after_another(path) } else { self.cut(path) }
    }

    fn one_after_another(&self, path: &str) -> Option<usize> {
        let found = self.few.iter().find(|(prefix, _)| {
            let rest = path.strip_prefix(&**prefix);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        found.map(|(_, number)| *number)
    }

    fn cut(&self, path: &str) -> Option<usize> {
        if path.len() <= self.longest
            && let Some(number) = self.many.get(path)
        {
            return Some(*number);
        }
        let mut reach = path.len().min(self.longest + 1);
        while let Some(slash) = path.as_bytes()[..reach].iter().rposition(|byte| *byte == b'/') {
            if let Some(number) = self.many.get(&path[..slash]) {
                return Some(*number);
            }
            reach = slash;
        }
        None
    }
}

/// From here on, comparing them one after another is the slower way.
const FEW: usize = 16;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_longest_prefix_wins_among_few_and_among_many() {
        let known = ["", "/a", "/a/b", "/a/b/c/d", "/ä"];
        for others in [0, 100] {
            let others = (0..others).map(|index| format!("/other/{index}")).collect::<Vec<_>>();
            let prefixes = Prefixes::new(known.into_iter().chain(others.iter().map(|it| &**it)));
            assert_eq!(prefixes.many.is_empty(), others.is_empty());
            for (path, expected) in [
                ("", Some(0)),
                ("/", Some(0)),
                ("*", None),
                ("/ab", Some(0)),
                ("/a", Some(1)),
                ("/a/", Some(1)),
                ("/a//b", Some(1)),
                ("/a/b", Some(2)),
                ("/a/bc", Some(1)),
                ("/a/b/c", Some(2)),
                ("/a/b/c/d", Some(3)),
                ("/a/b/c/d/e/f/g/h", Some(3)),
                ("/ä/ö", Some(4)),
                ("/äö", Some(0)),
                ("//a", Some(0)),
            ] {
                assert_eq!(prefixes.find(path), expected, "{path:?}");
            }
        }
    }

    #[test]
    fn without_a_root_a_stranger_is_nowhere() {
        for count in [0, 1, 100] {
            let known = (0..count).map(|index| format!("/tenant-{index}/dicom-web"));
            let known = known.collect::<Vec<_>>();
            let prefixes = Prefixes::new(known.iter().map(|it| &**it));
            for path in ["", "/", "*", "/tenant-0", "/tenant-0/dicom-webs", "/x/tenant-0/dicom-web"]
            {
                assert_eq!(prefixes.find(path), None, "{path:?} among {count}");
            }
        }
    }

    proptest! {
        /// Both ways, of one and the same prefixes.
        #[test]
        fn cutting_finds_what_comparing_finds(
            known in prop::collection::btree_set("(/[ab]{0,2}[ab]){0,4}", FEW + 1..60),
            paths in prop::collection::vec("/?[abä/*]{0,14}", 60),
        ) {
            let many = Prefixes::new(known.iter().map(|it| &**it));
            let mut few = many.many.iter().map(|(it, number)| (it.clone(), *number)).collect::<Vec<_>>();
            few.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
            let few = Prefixes { few, many: HashMap::new(), longest: many.longest };
            let below = known.iter().zip(&paths).map(|(it, path)| format!("{it}/{path}"));
            let below = below.collect::<Vec<_>>();
            for path in known.iter().chain(&paths).chain(&below) {
                prop_assert_eq!(many.find(path), few.find(path), "{}", path);
            }
        }
    }
}
