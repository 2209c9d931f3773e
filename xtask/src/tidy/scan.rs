//! Takes Rust source apart into code and comments, line by line.
//!
//! Rules about code must not trip over a word in a comment or in a string, so the content of
//! strings is dropped and comments stand apart.

/// One line of source.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    /// The code, with strings and characters emptied.
    pub(super) code: String,
    /// The text of comments, documentation included.
    pub(super) comment: String,
}

/// Splits a source file into its lines.
pub(super) fn lines(source: &str) -> Vec<Line> {
    let mut scanner = Scanner { rest: source, lines: vec![Line::default()] };
    while scanner.step() {}
    scanner.lines
}

/// Finds `word` where it stands alone, and gives what stands before and after it.
pub(super) fn occurrences<'a>(text: &'a str, word: &str) -> Vec<(&'a str, &'a str)> {
    text.match_indices(word)
        .filter_map(|(at, found)| Some((text.get(..at)?, text.get(at + found.len()..)?)))
        .filter(|(before, after)| !before.ends_with(is_word) && !after.starts_with(is_word))
        .collect()
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

struct Scanner<'a> {
    rest: &'a str,
    lines: Vec<Line>,
}

impl Scanner<'_> {
    /// Reads the next piece; false at the end.
    fn step(&mut self) -> bool {
        let Some(next) = self.rest.chars().next() else {
            return false;
        };
        if self.rest.starts_with("//") {
            let length = self.rest.find('\n').unwrap_or(self.rest.len());
            self.comment(length);
        } else if self.rest.starts_with("/*") {
            self.comment(block_length(self.rest));
        } else if let Some(length) = self.raw_string() {
            self.string(length);
        } else if next == '"' {
            self.string(quoted_length(self.rest));
        } else if let Some(length) = character_length(self.rest) {
            self.string(length);
        } else {
            self.take(next.len_utf8(), |line, c| line.code.push(c));
        }
        true
    }

    fn comment(&mut self, length: usize) {
        self.take(length, |line, c| line.comment.push(c));
    }

    fn string(&mut self, length: usize) {
        if let Some(line) = self.lines.last_mut() {
            line.code.push_str("\"\"");
        }
        self.take(length, |_, _| ());
    }

    /// Moves on by `length` bytes, one line per line end on the way.
    fn take(&mut self, length: usize, keep: impl Fn(&mut Line, char)) {
        let (piece, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        self.rest = rest;
        for c in piece.chars() {
            if c == '\n' {
                self.lines.push(Line::default());
            } else if let Some(line) = self.lines.last_mut() {
                keep(line, c);
            }
        }
    }

    /// The length of a raw string that begins here.
    fn raw_string(&self) -> Option<usize> {
        let inside_word = self.lines.last().is_some_and(|line| line.code.ends_with(is_word));
        let prefix = ["r", "br", "cr"].into_iter().find(|p| self.rest.starts_with(p))?;
        let body = self.rest.get(prefix.len()..).filter(|_| !inside_word)?;
        let hashes = body.len() - body.trim_start_matches('#').len();
        let opening = prefix.len() + hashes + 1;
        let content = body.get(hashes..)?.strip_prefix('"')?;
        let closing = format!("\"{}", "#".repeat(hashes));
        let end = content.find(&closing).map_or(content.len(), |at| at + closing.len());
        Some(opening + end)
    }
}

/// The length of a block comment, those nested in it included.
fn block_length(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// The length of a string with escapes.
fn quoted_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => (),
        }
    }
    text.len()
}

/// The length of a character literal; none for a lifetime.
fn character_length(text: &str) -> Option<usize> {
    let body = text.strip_prefix('\'')?;
    let first = body.chars().next()?;
    if first == '\\' {
        let end = body.get(2..)?.find('\'')?;
        return Some(1 + 2 + end + 1);
    }
    let rest = body.get(first.len_utf8()..)?;
    rest.starts_with('\'').then_some(first.len_utf8() + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(source: &str) -> String {
        lines(source).iter().map(|line| line.code.as_str()).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn comments_stand_apart() {
        let found = lines("a(); // one\n/* two /* inner */\nthree */ b();");
        let comments: Vec<_> = found.iter().map(|line| line.comment.as_str()).collect();
        assert_eq!(comments, ["// one", "/* two /* inner */", "three */"]);
        assert_eq!(code("a(); // one\n/* two /* inner */\nthree */ b();"), "a(); \n\n b();");
    }

    #[test]
    fn strings_are_emptied() {
        assert_eq!(code(r#"f("a \" // b", 'c', '\'', '"') + g"#), r#"f("", "", "", "") + g"#);
        assert_eq!(code("f(r#\"a \" b\"#, br\"c\\\", d)"), "f(\"\", b\"\", d)".replace("b\"", "\""));
        assert_eq!(code("\"one\ntwo\" + x"), "\"\"\n + x");
    }

    #[test]
    fn lifetimes_and_raw_names_are_code() {
        for source in ["fn f<'a>(x: &'a str) -> &'a str", "r#type.for(r)", "var\"\""] {
            assert_eq!(code(source), source);
        }
    }

    #[test]
    fn a_word_stands_alone() {
        assert_eq!(occurrences("x::word(y)", "word"), [("x::", "(y)")]);
        assert!(occurrences("words sword my_word", "word").is_empty());
    }

    #[test]
    fn unfinished_source_ends() {
        for source in ["\"open", "/* open", "r#\"open", "'", "'\\", "\u{e9}'\u{e9}'"] {
            assert_eq!(lines(source).len(), 1, "{source}");
        }
    }
}
