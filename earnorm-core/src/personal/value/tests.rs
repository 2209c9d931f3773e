//! What a value about a person is to the rest of the library: as the value, until it is erased.

use super::*;
use crate::validation::ValidationErrors;

fn known(text: &str) -> Personal<String> {
    text.into()
}

fn erased() -> Personal<String> {
    Personal::Erased
}

#[test]
fn it_is_known_until_it_is_erased() {
    assert_eq!(known("Ada").known().as_deref(), Some("Ada"));
    assert_eq!(erased().known(), None);
    assert_eq!((known("Ada").text(), erased().text()), (Some("Ada"), None));
    assert_eq!((known("Ada").length(), erased().length()), (Some(3), None));
    let (mut number, mut gone) = (Personal::Known(1), Personal::<i32>::Erased);
    number.as_mut().into_iter().chain(gone.as_mut()).for_each(|number| *number += 1);
    assert_eq!((number.map(i64::from), gone.map(i64::from)), (Personal::Known(2), Personal::Erased));
}

#[test]
fn it_equals_its_value_and_an_erased_one_equals_none() {
    let (ada, bob) = ("Ada".to_owned(), "Bob".to_owned());
    assert_eq!(
        [known("Ada") == ada, known("Ada") == bob, erased() == ada, erased() == String::new()],
        [true, false, false, false]
    );
    assert_eq!(
        [known("Ada") == "Ada", known("Ada") == "Bob", erased() == "Ada", erased() == ""],
        [true, false, false, false]
    );
}

#[test]
fn it_is_shown_without_its_value() {
    assert_eq!(format!("{:?} {:?}", known("Ada"), erased()), "Known(…) Erased");
}

#[test]
fn filters_compare_it_with_plain_values() {
    assert_eq!(Operand::<Personal<String>>::operand(&"Ada".to_owned()).unwrap(), Bson::String("Ada".into()));
    assert_eq!(Operand::<Personal<String>>::operand(&"Ada").unwrap(), Bson::String("Ada".into()));
    assert_eq!(Operand::<Personal<i64>>::operand(&7).unwrap(), Bson::Int64(7));
}

#[test]
fn rules_of_what_stands_in_it_count_until_it_is_erased() {
    struct Address(bool);
    impl Nested for Address {
        fn check(&self, path: &str, errors: &mut ValidationErrors) {
            if !self.0 {
                errors.add(format!("{path}.city"), "is empty");
            }
        }
    }
    let broken = |address: Personal<Address>| {
        let mut errors = ValidationErrors::new();
        address.check("home", &mut errors);
        errors.to_string()
    };
    assert_eq!(broken(Personal::Known(Address(false))), "`home.city` is empty");
    assert_eq!(broken(Personal::Known(Address(true))) + &broken(Personal::Erased), "");
}
