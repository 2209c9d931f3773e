//! Three kinds of instances, which the machine handles alike: tracked with soft delete, tracked without, and sourced.

use earnorm::Registry;
use earnorm::prelude::*;
use earnorm::query::Field;
use earnorm::unit::Target;

/// What an instance holds, as the reference knows it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Facts {
    /// A unique value; `None` is free.
    pub(super) code: Option<char>,
    pub(super) n: i64,
    pub(super) parts: Vec<i32>,
}

/// A change of an instance in memory: of a tracked one its fields, of a sourced one an event that is raised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Code(Option<char>),
    N(i64),
    Push(i32),
    /// An event that changes nothing.
    Note,
}

impl Change {
    pub(super) fn apply(self, facts: &mut Facts) {
        match self {
            Self::Code(code) => facts.code = code,
            Self::N(n) => facts.n = n,
            Self::Push(part) => facts.parts.push(part),
            Self::Note => {}
        }
    }

    /// The event that a sourced instance records.
    pub(super) fn event(self) -> &'static str {
        match self {
            Self::Code(_) => "coded",
            Self::N(_) => "counted",
            Self::Push(_) => "pushed",
            Self::Note => "noted",
        }
    }
}

/// The codes of one run of the machine, which do not clash with those of other runs in the same database.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tag(pub(super) i64);

impl Tag {
    pub(super) fn code(self, code: Option<char>) -> Option<String> {
        code.map(|code| format!("{}{code}", self.0))
    }
}

/// What the machine needs of a model.
pub(super) trait Kind: Model<Id = i64> + PartialEq + std::fmt::Debug {
    const ID: Field<Self, i64>;
    const CODE: Field<Self, Option<String>>;
    const N: Field<Self, i64>;

    fn make(id: i64, tag: Tag, facts: &Facts) -> Self;
    fn facts(&self) -> Facts;
    fn born<T: Target>(to: &T, id: i64, tag: Tag, facts: &Facts) -> impl Future<Output = Result<Entity<Self>>>;
    fn change(entity: &mut Entity<Self>, tag: Tag, change: Change) -> Result<()>;
}

#[event(name = "noted")]
#[derive(Debug, Clone)]
struct Noted;

macro_rules! tracked {
    ($(#[$option:meta])* $name:ident) => {
        $(#[$option])*
        #[derive(Debug, Clone, PartialEq)]
        pub(super) struct $name {
            #[model(id)]
            id: i64,
            #[model(unique)]
            code: Option<String>,
            n: i64,
            parts: Vec<i32>,
        }

        impl Kind for $name {
            const ID: Field<Self, i64> = Self::ID;
            const CODE: Field<Self, Option<String>> = Self::CODE;
            const N: Field<Self, i64> = Self::N;

            fn make(id: i64, tag: Tag, facts: &Facts) -> Self {
                Self { id, code: tag.code(facts.code), n: facts.n, parts: facts.parts.clone() }
            }

            fn facts(&self) -> Facts {
                facts(self.code.as_deref(), self.n, &self.parts)
            }

            async fn born<T: Target>(to: &T, id: i64, tag: Tag, facts: &Facts) -> Result<Entity<Self>> {
                Self::make(id, tag, facts).create(to).await
            }

            fn change(entity: &mut Entity<Self>, tag: Tag, change: Change) -> Result<()> {
                match change {
                    Change::Code(code) => entity.code = tag.code(code),
                    Change::N(n) => entity.n = n,
                    Change::Push(part) => entity.parts.push(part),
                    Change::Note => return entity.raise(Noted),
                }
                Ok(())
            }
        }
    };
}

fn facts(code: Option<&str>, n: i64, parts: &[i32]) -> Facts {
    Facts { code: code.and_then(|code| code.chars().last()), n, parts: parts.to_vec() }
}

tracked!(
    #[model(name = "m_soft", collection = "m_softs", soft_delete)]
    Soft
);
tracked!(
    #[model(name = "m_plain", collection = "m_plains")]
    Plain
);

#[model(name = "m_till", collection = "m_tills", sourced, soft_delete)]
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Till {
    #[model(id)]
    id: i64,
    #[model(unique)]
    code: Option<String>,
    n: i64,
    parts: Vec<i32>,
}

#[event(name = "opened")]
#[derive(Debug, Clone)]
struct Opened {
    id: i64,
    code: Option<String>,
    n: i64,
}

#[event(name = "coded")]
#[derive(Debug, Clone)]
struct Coded {
    code: Option<String>,
}

#[event(name = "counted")]
#[derive(Debug, Clone)]
struct Counted {
    n: i64,
}

#[event(name = "pushed")]
#[derive(Debug, Clone)]
struct Pushed {
    part: i32,
}

#[model]
impl Till {
    #[apply]
    fn opened(event: &Opened) -> Self {
        Self { id: event.id, code: event.code.clone(), n: event.n, parts: Vec::new() }
    }

    #[apply]
    fn coded(&mut self, event: &Coded) {
        self.code.clone_from(&event.code);
    }

    #[apply]
    fn counted(&mut self, event: &Counted) {
        self.n = event.n;
    }

    #[apply]
    fn pushed(&mut self, event: &Pushed) {
        self.parts.push(event.part);
    }

    #[apply]
    fn noted(&mut self, _: &Noted) {}
}

impl Kind for Till {
    const ID: Field<Self, i64> = Self::ID;
    const CODE: Field<Self, Option<String>> = Self::CODE;
    const N: Field<Self, i64> = Self::N;

    fn make(id: i64, tag: Tag, facts: &Facts) -> Self {
        Self { id, code: tag.code(facts.code), n: facts.n, parts: facts.parts.clone() }
    }

    fn facts(&self) -> Facts {
        facts(self.code.as_deref(), self.n, &self.parts)
    }

    async fn born<T: Target>(to: &T, id: i64, tag: Tag, facts: &Facts) -> Result<Entity<Self>> {
        let mut till = Entity::<Self>::start(id, Opened { id, code: tag.code(facts.code), n: facts.n })?;
        till.save(to).await?;
        Ok(till)
    }

    fn change(entity: &mut Entity<Self>, tag: Tag, change: Change) -> Result<()> {
        match change {
            Change::Code(code) => entity.raise(Coded { code: tag.code(code) }),
            Change::N(n) => entity.raise(Counted { n }),
            Change::Push(part) => entity.raise(Pushed { part }),
            Change::Note => entity.raise(Noted),
        }
    }
}

pub(super) fn registry() -> Registry {
    Registry::empty().model::<Soft>().model::<Plain>().model::<Till>()
}
