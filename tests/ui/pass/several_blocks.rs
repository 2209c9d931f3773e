//! Several `#[model] impl` blocks of one type, also by other paths and from a macro.
use earnorm::prelude::*;

#[model]
#[derive(Clone)]
struct User {
    #[model(id)]
    id: i64,
}

type Alias = User;

#[model]
impl User {
    #[pre_save]
    fn one(&mut self) {
        self.id += 1;
    }
}

mod elsewhere {
    use earnorm::prelude::*;

    #[model]
    impl super::User {
        #[pre_save]
        pub(super) async fn two(self: &Self) {}
    }
}

#[model]
impl Alias {
    #[pre_update]
    #[pre_create]
    fn three(self: &mut Self) {}
}

macro_rules! hooks {
    ($model:ty, $name:ident) => {
        #[model]
        impl $model {
            #[post_save]
            fn $name(&self) {}
        }
    };
}
hooks!(User, four);

fn main() {}
