//! A module may use the names of the standard prelude for its own things.
#![allow(dead_code)]

mod shadowed {
    use earnorm::prelude::{DateTime, PostContext, PreContext, Utc, event, model, post_load, post_save, pre_save, validate};
    use std::{boxed::Box as StdBox, option::Option as Maybe, result::Result as Outcome, string::String as Text, vec::Vec as List};

    struct Result;
    struct Option;
    struct String;
    struct Vec;
    struct Box;
    struct Some;
    struct None;
    struct Ok;
    struct Err;
    struct Default;
    struct Model;
    struct Event;
    struct Document;
    struct Hook;
    struct Value;
    trait Clone {}
    trait Send {}

    #[model(embedded)]
    #[derive(Debug, ::core::clone::Clone)]
    pub struct Part {
        #[validate(length(min = 1))]
        label: Text,
    }

    #[model(embedded)]
    #[derive(Debug, ::core::clone::Clone)]
    pub enum Kind {
        Plain,
        With(i64),
        Pair(i64, Text),
        Named { a: i64 },
    }

    #[model(soft_delete, index(age, -text))]
    #[derive(Debug, ::core::clone::Clone)]
    pub struct Thing {
        #[model(id)]
        pub id: i64,
        #[model(default = 4)]
        #[validate(range(min = 1))]
        pub age: u32,
        #[validate(length(max = 9), pattern("^a"), email)]
        pub text: Maybe<Text>,
        #[validate(nested)]
        pub parts: List<Part>,
        pub kind: Kind,
        pub boxed: StdBox<i32>,
        #[model(updated_at)]
        pub at: Maybe<DateTime<Utc>>,
        #[model(serde, default)]
        pub any: List<(u8, u8)>,
        #[model(skip)]
        pub cache: Maybe<Text>,
    }

    #[model]
    impl Thing {
        #[pre_save]
        async fn pre(&mut self, _: &mut PreContext<'_, Thing>) {
            self.age += 1;
        }

        #[post_save]
        fn post(&self, _: &PostContext<'_, Thing>) -> Outcome<(), ::std::io::Error> {
            Outcome::Ok(())
        }

        #[post_load]
        fn load(&self) {}

        #[validate]
        fn valid(&self) -> Outcome<(), earnorm::validation::ValidationError> {
            Outcome::Ok(())
        }
    }

    #[event]
    #[derive(::core::clone::Clone)]
    pub struct Happened {
        #[event(default = 3)]
        count: u32,
        text: Maybe<Text>,
    }
}

fn main() {}
