//! Reading a pattern: what has no single meaning is refused, Perl's classes become their ASCII sets.

use regex_syntax::ast::parse::ParserBuilder;
use regex_syntax::ast::{
    AssertionKind, Ast, ClassAscii, ClassAsciiKind, ClassBracketed, ClassPerl, ClassPerlKind, ClassSet, ClassSetItem,
    Flag, Flags, FlagsItem, FlagsItemKind, Group, GroupKind, Literal, RepetitionKind, RepetitionRange, Span,
};
use regex_syntax::hir::Hir;
use regex_syntax::hir::translate::TranslatorBuilder;

/// How deep groups may nest; engines stop at 250, and the canonical form adds groups.
const DEPTH_MAX: u32 = 100;
const REPETITION_MAX: u32 = 1_000;

/// The pattern's meaning.
pub(super) fn read(source: &str) -> Result<Hir, String> {
    let mut ast = ParserBuilder::new()
        .nest_limit(DEPTH_MAX)
        .build()
        .parse(source)
        .map_err(|error| format!("the pattern cannot be read: {}", error.kind()))?;
    rewrite(&mut ast)?;
    TranslatorBuilder::new()
        .utf8(true)
        .build()
        .translate(source, &ast)
        .map_err(|error| format!("the pattern cannot be read: {}", error.kind()))
}

fn rewrite(ast: &mut Ast) -> Result<(), String> {
    match ast {
        Ast::Empty(_) | Ast::Dot(_) => Ok(()),
        Ast::Literal(literal) => check_literal(literal),
        Ast::Flags(set) => check_flags(&set.flags),
        Ast::Assertion(assertion) => check_assertion(&assertion.kind),
        Ast::ClassUnicode(_) => refuse_unicode(),
        Ast::ClassPerl(class) => {
            *ast = perl_alone(class);
            Ok(())
        }
        Ast::ClassBracketed(class) => match &mut class.kind {
            ClassSet::Item(item) => rewrite_item(item),
            ClassSet::BinaryOp(_) => Err("classes cannot be combined with `&&`, `--` or `~~`: list what is in".into()),
        },
        Ast::Repetition(repetition) => {
            check_repetition(&repetition.op.kind)?;
            rewrite(&mut repetition.ast)
        }
        Ast::Group(group) => {
            match &group.kind {
                GroupKind::NonCapturing(flags) => check_flags(flags)?,
                // Nobody reads what a group captures.
                _ => group.kind = GroupKind::NonCapturing(Flags { span: group.span, items: Vec::new() }),
            }
            rewrite(&mut group.ast)
        }
        Ast::Alternation(alternation) => alternation.asts.iter_mut().try_for_each(rewrite),
        Ast::Concat(concat) => concat.asts.iter_mut().try_for_each(rewrite),
    }
}

fn rewrite_item(item: &mut ClassSetItem) -> Result<(), String> {
    match item {
        ClassSetItem::Empty(_) | ClassSetItem::Ascii(_) => Ok(()),
        ClassSetItem::Literal(literal) => check_literal(literal),
        ClassSetItem::Range(range) => {
            check_literal(&range.start)?;
            check_literal(&range.end)
        }
        ClassSetItem::Unicode(_) => refuse_unicode(),
        ClassSetItem::Perl(class) => {
            *item = ClassSetItem::Ascii(ascii(class));
            Ok(())
        }
        ClassSetItem::Bracketed(_) => {
            Err("a class cannot stand inside another: write `\\[` for a bracket, or join the classes".into())
        }
        ClassSetItem::Union(union) => union.items.iter_mut().try_for_each(rewrite_item),
    }
}

fn check_literal(literal: &Literal) -> Result<(), String> {
    if literal.c == '\0' { Err("a pattern cannot contain NUL".into()) } else { Ok(()) }
}

fn refuse_unicode() -> Result<(), String> {
    Err("Unicode classes (`\\p{…}`) depend on the engine's Unicode version: list the characters".into())
}

fn check_flags(flags: &Flags) -> Result<(), String> {
    for item in &flags.items {
        let FlagsItemKind::Flag(flag) = &item.kind else { continue };
        let reason = match flag {
            Flag::CaseInsensitive | Flag::DotMatchesNewLine | Flag::SwapGreed | Flag::IgnoreWhitespace => continue,
            Flag::MultiLine | Flag::CRLF => "multi-line mode is read differently by engines: match `\\n` yourself",
            Flag::Unicode => "the flag `u` is not needed: text is Unicode, and `\\d`, `\\w`, `\\s` are ASCII",
        };
        return Err(reason.into());
    }
    Ok(())
}

fn check_assertion(kind: &AssertionKind) -> Result<(), String> {
    match kind {
        AssertionKind::StartLine | AssertionKind::EndLine | AssertionKind::StartText | AssertionKind::EndText => Ok(()),
        _ => Err("word boundaries are read differently by engines: match the characters around the word".into()),
    }
}

fn check_repetition(kind: &RepetitionKind) -> Result<(), String> {
    let count = match kind {
        RepetitionKind::Range(
            RepetitionRange::Exactly(count) | RepetitionRange::AtLeast(count) | RepetitionRange::Bounded(_, count),
        ) => *count,
        _ => 0,
    };
    if count > REPETITION_MAX {
        return Err(format!("a repetition counts to {count}, at most {REPETITION_MAX} is allowed"));
    }
    Ok(())
}

/// The ASCII set of `\d`, `\w` or `\s`. POSIX's white space is Perl's, vertical tab included.
fn ascii(class: &ClassPerl) -> ClassAscii {
    let kind = match class.kind {
        ClassPerlKind::Digit => ClassAsciiKind::Digit,
        ClassPerlKind::Space => ClassAsciiKind::Space,
        ClassPerlKind::Word => ClassAsciiKind::Word,
    };
    ClassAscii { span: class.span, kind, negated: class.negated }
}

/// A Perl class outside brackets: a class of its own, to which case folding adds nothing.
fn perl_alone(class: &ClassPerl) -> Ast {
    let span: Span = class.span;
    let kind = ClassSet::Item(ClassSetItem::Ascii(ascii(class)));
    let class = Ast::class_bracketed(ClassBracketed { span, negated: false, kind });
    let item = |kind| FlagsItem { span, kind };
    let items = vec![item(FlagsItemKind::Negation), item(FlagsItemKind::Flag(Flag::CaseInsensitive))];
    let kind = GroupKind::NonCapturing(Flags { span, items });
    Ast::group(Group { span, kind, ast: Box::new(class) })
}
