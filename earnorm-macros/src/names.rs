//! Names: words, cases, and the ones that are taken.

/// `HttpServer` → `http_server`, `firstName` → `first_name`.
pub(crate) fn snake(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    let mut out = String::with_capacity(name.len() + 4);
    for (index, &letter) in chars.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|at| chars.get(at)).copied();
        let after = chars.get(index + 1).copied();
        let starts_word = letter.is_uppercase()
            && before.is_some_and(|before| {
                before.is_lowercase()
                    || before.is_ascii_digit()
                    || (before.is_uppercase() && after.is_some_and(char::is_lowercase))
            });
        if starts_word {
            out.push('_');
        }
        out.extend(letter.to_lowercase());
    }
    out
}

/// The name of a field's constant.
pub(crate) fn screaming(name: &str) -> String {
    snake(name).to_uppercase()
}

/// Whether a text is one lower-case word: `[a-z][a-z0-9_]*`.
pub(crate) fn is_word(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_lowercase())
        && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// Why a name cannot be a stored field's, if so.
pub(crate) fn bad_stored_name(name: &str) -> Option<String> {
    if name.is_empty() {
        Some("a stored name cannot be empty".to_owned())
    } else if name.starts_with('_') {
        Some(format!(
            "`{name}` starts with `_`, and such stored names belong to the library: choose another with `#[model(rename = \"…\")]`"
        ))
    } else if name.contains(['.', '$', '\0']) {
        Some(format!("the stored name `{name}` holds `.`, `$` or NUL, which have a meaning in paths: choose another"))
    } else {
        None
    }
}

/// Event names that only the library records.
pub(crate) const RESERVED_EVENTS: [&str; 6] = ["created", "updated", "deleted", "restored", "erased", "baseline"];

/// serde's `rename_all`.
#[derive(Clone, Copy)]
pub(crate) enum Case {
    Lower,
    Upper,
    Pascal,
    Camel,
    Snake,
    ScreamingSnake,
    Kebab,
    ScreamingKebab,
}

impl Case {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "lowercase" => Self::Lower,
            "UPPERCASE" => Self::Upper,
            "PascalCase" => Self::Pascal,
            "camelCase" => Self::Camel,
            "snake_case" => Self::Snake,
            "SCREAMING_SNAKE_CASE" => Self::ScreamingSnake,
            "kebab-case" => Self::Kebab,
            "SCREAMING-KEBAB-CASE" => Self::ScreamingKebab,
            _ => return None,
        })
    }

    /// The name of a field, as serde makes it.
    pub(crate) fn field(self, name: &str) -> String {
        match self {
            Self::Lower | Self::Snake => name.to_owned(),
            Self::Upper | Self::ScreamingSnake => name.to_ascii_uppercase(),
            Self::Pascal => name.split('_').map(capital).collect(),
            Self::Camel => first_lower(&name.split('_').map(capital).collect::<String>()),
            Self::Kebab => name.replace('_', "-"),
            Self::ScreamingKebab => name.to_ascii_uppercase().replace('_', "-"),
        }
    }

    /// The name of a variant, as serde makes it.
    pub(crate) fn variant(self, name: &str) -> String {
        let words = || {
            let mut out = String::new();
            for (index, letter) in name.char_indices() {
                if index > 0 && letter.is_uppercase() {
                    out.push('_');
                }
                out.push(letter.to_ascii_lowercase());
            }
            out
        };
        match self {
            Self::Lower => name.to_ascii_lowercase(),
            Self::Upper => name.to_ascii_uppercase(),
            Self::Pascal => name.to_owned(),
            Self::Camel => first_lower(name),
            Self::Snake => words(),
            Self::ScreamingSnake => words().to_ascii_uppercase(),
            Self::Kebab => words().replace('_', "-"),
            Self::ScreamingKebab => words().to_ascii_uppercase().replace('_', "-"),
        }
    }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
}

fn first_lower(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_ascii_lowercase().to_string() + letters.as_str())
}
