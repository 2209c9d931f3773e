//! Models in functions, in private modules, and hooks beside them.
#![deny(unused)]

mod inner {
    use earnorm::prelude::*;

    #[model]
    #[derive(Clone)]
    pub(super) struct Hidden {
        #[model(id)]
        id: i64,
        pub(super) name: String,
        pub(crate) count: u8,
    }

    impl Hidden {
        pub(super) fn new() -> Self {
            Self { id: 1, name: String::new(), count: 0 }
        }
    }

    mod hooks {
        use earnorm::{post_save, pre_save};

        #[pre_save]
        fn private(hidden: &mut super::Hidden) {
            hidden.name.push('.');
            hidden.count += u8::try_from(hidden.id).unwrap_or(0);
        }

        #[post_save]
        async fn after(_: &super::Hidden) {}
    }
}

fn main() {
    use earnorm::{hook::Abort, model, pre_save};

    #[model]
    #[derive(Clone)]
    struct Local {
        #[model(id)]
        id: i64,
        #[model(default = "x".to_owned())]
        name: String,
    }

    #[model]
    impl Local {
        #[pre_save]
        fn check(&self) -> Result<(), Abort> {
            if self.id == 0 { Err(Abort::new(self.name.clone())) } else { Ok(()) }
        }
    }

    assert_eq!(Local::NAME.path(), "name");
    assert_eq!(inner::Hidden::NAME.path(), "name");
    let _ = inner::Hidden::new();
    let _ = Local { id: 1, name: String::new() };
}
