//! Raw identifiers are stored without `r#`.
use earnorm::prelude::*;

#[model]
#[derive(Clone)]
struct r#Match {
    #[model(id)]
    r#ref: i64,
    #[model(index)]
    r#type: String,
    r#fn: Option<Inner>,
}

#[model(embedded)]
#[derive(Clone)]
struct Inner {
    r#in: u8,
}

#[model(embedded)]
#[derive(Clone)]
enum r#Loop {
    #[allow(dead_code)]
    r#While { r#use: u8 },
}

#[model]
impl r#Match {
    #[pre_save]
    fn r#try(&mut self) {
        self.r#type.push('x');
    }
}

#[post_save]
async fn r#move(_: &r#Match) {}

fn main() {
    assert_eq!(r#Match::TYPE.path(), "type");
    assert_eq!(r#Match::REF.path(), "_id");
    assert_eq!(r#Match::FN.some().then(Inner::IN).path(), "fn.in");
    assert_eq!(<r#Match as Model>::SCHEMA.name, "match");
    let stored = r#Match { r#ref: 1, r#type: "t".into(), r#fn: Some(Inner { r#in: 2 }) };
    assert!(stored.encode().unwrap().contains_key("type"));
    let _ = r#Loop::r#While { r#use: 1 };
}
