//! Regular expressions in the subset on which all stores' engines agree.

mod print;
mod read;
#[cfg(test)]
mod tests;

use std::fmt;

use ::regex::RegexBuilder;

/// The longest pattern that is read, in bytes.
const SOURCE_MAX: usize = 4_096;
/// The longest canonical pattern: MongoDB takes 32,764 bytes.
const CANONICAL_MAX: usize = 32_000;
/// What a compiled pattern may take in memory.
const COMPILED_MAX: usize = 4 * 1024 * 1024;

/// A pattern with one meaning on every store.
///
/// The pattern is read once, here, and written again in a canonical form that leaves no room for interpretation: every
/// engine gets the same explicit classes and anchors, and no flags. What is allowed:
///
/// - literals, `.` (anything but `\n`), alternation, groups (which capture nothing), `?` `*` `+` `{n,m}` up to 1,000;
/// - classes such as `[a-z_]` and `[^0-9]`, POSIX classes such as `[[:alpha:]]`, and `\d` `\w` `\s` with their
///   opposites: the **ASCII** digits, letters with `_`, and white space;
/// - `^` and `\A` at the start of the text, `$` and `\z` at its very end (not before a last line break);
/// - `(?i)` by Unicode's simple case folding, `(?s)`, `(?x)`, `(?U)`, for the whole pattern or a group.
///
/// What is refused, since engines read it differently or cannot do it: word boundaries, look-around, back-references,
/// multi-line mode, Unicode classes (`\p{…}`), nested and combined classes (`[a&&b]`), NUL, and patterns that grow too
/// large when their repetitions are written out.
///
/// A pattern such as `(a+)+$` costs a backtracking engine, which MongoDB has, time that doubles with each character;
/// MongoDB gives up on a text in that case. Do not take patterns from strangers.
#[derive(Clone)]
pub struct PortableRegex {
    source: String,
    compiled: ::regex::Regex,
}

impl PortableRegex {
    /// Reads a pattern.
    ///
    /// # Errors
    /// The reason why it has no single meaning.
    pub fn new(source: &str) -> Result<Self, String> {
        if source.len() > SOURCE_MAX {
            return Err(format!("the pattern has {} bytes, at most {SOURCE_MAX} are allowed", source.len()));
        }
        let canonical = print::canonical(&read::read(source)?)?;
        if canonical.len() > CANONICAL_MAX {
            return Err("the pattern is too large once its classes are written out: shorten it".to_owned());
        }
        let compiled = RegexBuilder::new(&canonical)
            .size_limit(COMPILED_MAX)
            .build()
            .map_err(|error| format!("the pattern cannot be compiled: {error}"))?;
        Ok(Self { source: source.to_owned(), compiled })
    }

    /// The pattern in the form that every engine reads alike.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.compiled.as_str()
    }

    /// The pattern as it was given.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether it matches somewhere in `text`.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        self.compiled.is_match(text)
    }
}

impl fmt::Debug for PortableRegex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PortableRegex").field(&self.source).finish()
    }
}

impl PartialEq for PortableRegex {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}
