//! Writing a pattern's meaning so that PCRE2 and the `regex` crate read it alike.

use std::fmt::Write;

use regex_syntax::hir::{Class, ClassUnicode, Hir, HirKind, Look, Repetition};
use regex_syntax::is_meta_character;

/// What a pattern may take when its repetitions are written out, in PCRE2's own code: it stops at 64 KiB.
const WRITTEN_OUT_MAX: u64 = 40_000;

/// The canonical pattern.
pub(super) fn canonical(hir: &Hir) -> Result<String, String> {
    if written_out(hir) > WRITTEN_OUT_MAX {
        return Err("the pattern is too large once its repetitions are written out: repeat less".to_owned());
    }
    let mut pattern = String::new();
    print(hir, &mut pattern)?;
    Ok(pattern)
}

/// About how many bytes an engine needs for it.
fn written_out(hir: &Hir) -> u64 {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => 2,
        HirKind::Literal(literal) => 2 * literal.0.len() as u64,
        HirKind::Class(Class::Unicode(class)) => 42 + 8 * class.ranges().len() as u64,
        HirKind::Class(Class::Bytes(_)) => 42,
        HirKind::Capture(capture) => written_out(&capture.sub),
        HirKind::Repetition(repetition) => {
            let times = repetition.max.unwrap_or(repetition.min).max(1);
            // A single character or class keeps its count; only groups are written out.
            let times = if is_atom(&repetition.sub) { 1 } else { u64::from(times) };
            written_out(&repetition.sub).saturating_add(6).saturating_mul(times).saturating_add(6)
        }
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().fold(6, |sum, part| sum.saturating_add(written_out(part)).saturating_add(4))
        }
    }
}

fn print(hir: &Hir, out: &mut String) -> Result<(), String> {
    match hir.kind() {
        HirKind::Empty => out.push_str("(?:)"),
        HirKind::Literal(literal) => {
            let text = std::str::from_utf8(&literal.0).map_err(|_| "the pattern matches bytes that are no text")?;
            text.chars().for_each(|character| print_literal(character, out));
        }
        HirKind::Class(Class::Unicode(class)) => print_class(class, out),
        HirKind::Class(Class::Bytes(_)) => return Err("the pattern matches bytes that are no text".to_owned()),
        HirKind::Look(Look::Start) => out.push_str("\\A"),
        HirKind::Look(Look::End) => out.push_str("\\z"),
        HirKind::Look(_) => return Err("the pattern looks at lines or words, which engines read differently".into()),
        HirKind::Repetition(repetition) => print_repetition(repetition, out)?,
        HirKind::Capture(capture) => print_group(&capture.sub, out)?,
        HirKind::Concat(parts) => {
            for part in parts {
                match part.kind() {
                    HirKind::Alternation(_) => print_group(part, out)?,
                    _ => print(part, out)?,
                }
            }
        }
        HirKind::Alternation(parts) => {
            for (index, part) in parts.iter().enumerate() {
                if index > 0 {
                    out.push('|');
                }
                print(part, out)?;
            }
        }
    }
    Ok(())
}

fn print_group(hir: &Hir, out: &mut String) -> Result<(), String> {
    out.push_str("(?:");
    print(hir, out)?;
    out.push(')');
    Ok(())
}

/// Whether a repetition sign after it applies to the whole of it.
fn is_atom(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Class(Class::Unicode(_)) => true,
        HirKind::Literal(literal) => std::str::from_utf8(&literal.0).is_ok_and(|text| text.chars().count() == 1),
        _ => false,
    }
}

fn print_repetition(repetition: &Repetition, out: &mut String) -> Result<(), String> {
    if is_atom(&repetition.sub) {
        print(&repetition.sub, out)?;
    } else {
        print_group(&repetition.sub, out)?;
    }
    // Greed decides what is matched, not whether: all are written alike.
    match (repetition.min, repetition.max) {
        (0, None) => out.push('*'),
        (1, None) => out.push('+'),
        (0, Some(1)) => out.push('?'),
        (min, None) => push(out, format_args!("{{{min},}}")),
        (min, Some(max)) if min == max => push(out, format_args!("{{{min}}}")),
        (min, Some(max)) => push(out, format_args!("{{{min},{max}}}")),
    }
    Ok(())
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = out.write_fmt(text);
}

/// ASCII stays readable, so that databases find the fixed start of a pattern and use an index for it.
fn print_literal(character: char, out: &mut String) {
    match character {
        meta if is_meta_character(meta) => {
            out.push('\\');
            out.push(meta);
        }
        plain if plain == ' ' || plain.is_ascii_graphic() => out.push(plain),
        other => push(out, format_args!("\\x{{{:X}}}", u32::from(other))),
    }
}

fn print_class(class: &ClassUnicode, out: &mut String) {
    let mut opposite = class.clone();
    opposite.negate();
    let ranges = |class: &ClassUnicode| class.ranges().len();
    if ranges(class) == 0 {
        // A class of nothing: the opposite of everything, since engines refuse `[]`.
        out.push_str("[^\\x{0}-\\x{10FFFF}]");
    } else if ranges(&opposite) > 0 && ranges(&opposite) < ranges(class) {
        print_ranges("[^", &opposite, out);
    } else {
        print_ranges("[", class, out);
    }
}

fn print_ranges(open: &str, class: &ClassUnicode, out: &mut String) {
    out.push_str(open);
    for range in class.ranges() {
        print_member(range.start(), out);
        if range.start() != range.end() {
            out.push('-');
            print_member(range.end(), out);
        }
    }
    out.push(']');
}

fn print_member(character: char, out: &mut String) {
    if character.is_ascii_alphanumeric() {
        out.push(character);
    } else {
        push(out, format_args!("\\x{{{:X}}}", u32::from(character)));
    }
}
