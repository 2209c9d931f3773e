//! The attribute macros of EarnORM. Users name them through the crate `earnorm`, whose prelude has all of them.
#![forbid(unsafe_code)]

mod args;
mod derives;
mod dispatch;
mod embedded;
mod errors;
mod event;
mod fields;
mod handlers;
mod hooks;
mod keys;
mod model;
mod names;
mod periodic;
mod projection;
mod runtime;
mod serde_attrs;
mod upcast;

use proc_macro::TokenStream;

#[doc = include_str!("../docs/model.md")]
#[proc_macro_attribute]
pub fn model(args: TokenStream, item: TokenStream) -> TokenStream {
    dispatch::expand(args.into(), item.into()).into()
}

/// Runs before every create and update, and may change the model, add writes to the commit or refuse it.
///
/// A method in a `#[model] impl` block, or a function whose first parameter is `&User` or `&mut User`; `fn` or
/// `async fn`; with `cx: &mut PreContext<'_, User>` or without; returning nothing or a `Result` whose error turns into
/// `Abort`. An error vetoes the write. `order = N` comes before larger numbers, 0 is the default.
///
/// ```
/// # use earnorm::prelude::*;
/// # #[model]
/// # #[derive(Debug, Clone)]
/// # pub struct User { #[model(id)] id: i64, name: String }
/// #[pre_save]
/// async fn trim(user: &mut User, _cx: &mut PreContext<'_, User>) -> Result<(), Abort> {
///     user.name = user.name.trim().to_owned();
///     Ok(())
/// }
/// ```
#[proc_macro_attribute]
pub fn pre_save(args: TokenStream, item: TokenStream) -> TokenStream {
    hooks::expand_free(hooks::Phase::PreSave, args.into(), item.into()).into()
}

/// Runs before a create, as [`macro@pre_save`] does.
///
/// A method in a `#[model] impl` block, or a function whose first parameter is `&User` or `&mut User`; `fn` or
/// `async fn`; with `cx: &mut PreContext<'_, User>` or without; returning nothing or a `Result` whose error turns into
/// `Abort`. An error vetoes the write. `order = N` comes before larger numbers, 0 is the default.
#[proc_macro_attribute]
pub fn pre_create(args: TokenStream, item: TokenStream) -> TokenStream {
    hooks::expand_free(hooks::Phase::PreCreate, args.into(), item.into()).into()
}

/// Runs before an update, as [`macro@pre_save`] does.
///
/// A method in a `#[model] impl` block, or a function whose first parameter is `&User` or `&mut User`; `fn` or
/// `async fn`; with `cx: &mut PreContext<'_, User>` or without; returning nothing or a `Result` whose error turns into
/// `Abort`. An error vetoes the write. `order = N` comes before larger numbers, 0 is the default.
#[proc_macro_attribute]
pub fn pre_update(args: TokenStream, item: TokenStream) -> TokenStream {
    hooks::expand_free(hooks::Phase::PreUpdate, args.into(), item.into()).into()
}

/// Runs before a delete, and may add writes to the commit or refuse it.
///
/// A method in a `#[model] impl` block, or a function whose first parameter is `&User` or `&mut User`; `fn` or
/// `async fn`; with `cx: &mut PreContext<'_, User>` or without; returning nothing or a `Result` whose error turns into
/// `Abort`. An error vetoes the write. `order = N` comes before larger numbers, 0 is the default.
#[proc_macro_attribute]
pub fn pre_delete(args: TokenStream, item: TokenStream) -> TokenStream {
    hooks::expand_free(hooks::Phase::PreDelete, args.into(), item.into()).into()
}

/// Runs once after a create or an update is durable.
///
/// A method in a `#[model] impl` block, or a function whose first parameter is `&User`; `fn` or `async fn`; with
/// `cx: &PostContext<'_, User>` or without; returning nothing or a `Result` with any error, which is reported and
/// changes nothing of the write. `order = N` comes before larger numbers, 0 is the default.
///
/// ```
/// # use earnorm::prelude::*;
/// # #[model]
/// # #[derive(Debug, Clone)]
/// # pub struct User { #[model(id)] id: i64, name: String }
/// #[post_save]
/// async fn announce(user: &User, cx: &PostContext<'_, User>) {
///     println!("{} is at version {}", user.name, cx.version());
/// }
/// ```
#[proc_macro_attribute]
pub fn post_save(args: TokenStream, item: TokenStream) -> TokenStream {
    hooks::expand_free(hooks::Phase::PostSave, args.into(), item.into()).into()
}

/// Runs once after a create is durable.
///
/// A method in a `#[model] impl` block, or a function whose first parameter is `&User`; `fn` or `async fn`; with
/// `cx: &PostContext<'_, User>` or without; returning nothing or a `Result` with any error, which is reported and
/// changes nothing of the write. `order = N` comes before larger numbers, 0 is the default.
#[proc_macro_attribute]
pub fn post_create(args: TokenStream, item: TokenStream) -> TokenStream {
    hooks::expand_free(hooks::Phase::PostCreate, args.into(), item.into()).into()
}

/// Runs once after an update is durable.
///
/// A method in a `#[model] impl` block, or a function whose first parameter is `&User`; `fn` or `async fn`; with
/// `cx: &PostContext<'_, User>` or without; returning nothing or a `Result` with any error, which is reported and
/// changes nothing of the write. `order = N` comes before larger numbers, 0 is the default.
#[proc_macro_attribute]
pub fn post_update(args: TokenStream, item: TokenStream) -> TokenStream {
    hooks::expand_free(hooks::Phase::PostUpdate, args.into(), item.into()).into()
}

/// Runs once after a delete is durable.
///
/// A method in a `#[model] impl` block, or a function whose first parameter is `&User`; `fn` or `async fn`; with
/// `cx: &PostContext<'_, User>` or without; returning nothing or a `Result` with any error, which is reported and
/// changes nothing of the write. `order = N` comes before larger numbers, 0 is the default.
#[proc_macro_attribute]
pub fn post_delete(args: TokenStream, item: TokenStream) -> TokenStream {
    hooks::expand_free(hooks::Phase::PostDelete, args.into(), item.into()).into()
}

/// Runs after an instance was read, and may fill what is not stored.
///
/// A method in a `#[model] impl` block, or a function whose only parameter is `&User` or `&mut User`; `fn` or
/// `async fn`; returning nothing or a `Result` with any error. `order = N` comes before larger numbers, 0 is the
/// default.
///
/// ```
/// # use earnorm::prelude::*;
/// # #[model]
/// # #[derive(Debug, Clone)]
/// # pub struct User { #[model(id)] id: i64, name: String }
/// #[post_load]
/// fn greet(user: &mut User) {
///     user.name.push('!');
/// }
/// ```
#[proc_macro_attribute]
pub fn post_load(args: TokenStream, item: TokenStream) -> TokenStream {
    hooks::expand_free(hooks::Phase::PostLoad, args.into(), item.into()).into()
}

/// Checks an instance before the pre hooks of a save, and again after they changed it.
///
/// A method in a `#[model] impl` block, or a function whose only parameter is `&User`; `fn` or `async fn`; returning
/// `Result<(), ValidationError>` for one rule or `Result<(), ValidationErrors>` for several. Rules of a single field
/// stand on the field: see [`macro@model`]. `order = N` comes before larger numbers, 0 is the default.
///
/// ```
/// # use earnorm::prelude::*;
/// # #[model]
/// # #[derive(Debug, Clone)]
/// # pub struct User { #[model(id)] id: i64, name: String }
/// #[validate]
/// fn has_name(user: &User) -> Result<(), ValidationError> {
///     if user.name.is_empty() { Err(ValidationError::new("name", "is missing")) } else { Ok(()) }
/// }
/// ```
#[proc_macro_attribute]
pub fn validate(args: TokenStream, item: TokenStream) -> TokenStream {
    hooks::expand_free(hooks::Phase::Validate, args.into(), item.into()).into()
}

/// Says how an event changes a sourced model, or makes it; a method in a `#[model] impl` block.
///
/// ```
/// use earnorm::prelude::*;
///
/// #[event]
/// #[derive(Debug, Clone)]
/// pub struct Opened { pub owner: String }
///
/// #[event(name = "payment_received", version = 2)]
/// #[derive(Debug, Clone)]
/// pub struct PaymentReceived { pub cents: i64 }
///
/// #[model(sourced)]
/// #[derive(Debug, Clone)]
/// pub struct Account {
///     #[model(id)]
///     pub id: Uuid,
///     pub owner: String,
///     pub cents: i64,
/// }
///
/// #[model]
/// impl Account {
///     #[apply]
///     fn opened(e: &Opened) -> Self {
///         Self { id: Uuid::nil(), owner: e.owner.clone(), cents: 0 }
///     }
///
///     #[apply]
///     fn payment_received(&mut self, e: &PaymentReceived) {
///         self.cents += e.cents;
///     }
/// }
/// ```
///
/// It takes no keys and cannot fail: an event is a fact. Reading the log again runs it again, so it only sets fields.
#[proc_macro_attribute]
pub fn apply(_args: TokenStream, item: TokenStream) -> TokenStream {
    hooks::misplaced_apply(item.into()).into()
}

/// Makes a struct a domain event.
///
/// ```
/// use earnorm::prelude::*;
///
/// #[event(name = "payment_received", version = 2)]
/// #[derive(Debug, Clone)]
/// pub struct PaymentReceived {
///     pub cents: i64,
///     #[event(default = "card".to_owned())]
///     pub method: String,
/// }
/// ```
///
/// | key | meaning | default |
/// |---|---|---|
/// | `name = "paid"` | one lower-case word, recorded behind the model's name: `order.paid` | the struct's name in snake case |
/// | `version = 2` | the version of its shape | 1 |
/// | `serde = false` | you implement `Serialize` and `Deserialize` by hand | |
/// | `crate = "path"` | where `earnorm` is, when Cargo.toml gives it another name | `::earnorm` |
///
/// Fields take `#[event(…)]` with `default`, `rename`, `skip` and `serde`, as in [`macro@model`]. `created`, `updated`,
/// `deleted`, `restored`, `erased` and `baseline` are what the library records by itself.
#[proc_macro_attribute]
pub fn event(args: TokenStream, item: TokenStream) -> TokenStream {
    event::expand(args.into(), item.into()).into()
}

/// Brings data that an older program stored one version up, whenever it is read; what is stored stays as it is.
///
/// A function outside `impl` blocks that takes `&mut Document`, returning nothing or a `Result` whose error turns into
/// `UpcastError`. It reads version `from` and leads to the next one; a chain of such steps leads from any old version to
/// the one that the struct declares, and a step that is missing is found when a database connects.
///
/// ```
/// use earnorm::prelude::*;
///
/// /// Version 1 had one `name`.
/// #[model(version = 2)]
/// #[derive(Debug, Clone)]
/// pub struct User {
///     #[model(id)]
///     pub id: Uuid,
///     pub first_name: String,
///     pub last_name: String,
/// }
///
/// #[upcast(model = User, from = 1)]
/// fn split_name(document: &mut Document) -> Result<(), UpcastError> {
///     let name = document.get_str("name")?.to_owned();
///     let (first, last) = name.split_once(' ').ok_or("the name has one word")?;
///     document.insert("first_name", first);
///     document.insert("last_name", last);
///     document.remove("name");
///     Ok(())
/// }
///
/// /// Version 1 counted euros.
/// #[event(version = 2)]
/// #[derive(Debug, Clone)]
/// pub struct PaymentReceived {
///     pub cents: i64,
/// }
///
/// #[upcast(event = "order.payment_received", from = 1)]
/// fn euros_to_cents(data: &mut Document) -> Result<(), UpcastError> {
///     let euros = data.get_i64("euros")?;
///     data.insert("cents", euros * 100);
///     data.remove("euros");
///     Ok(())
/// }
/// # fn main() {}
/// ```
///
/// | key | meaning | default |
/// |---|---|---|
/// | `event = "order.paid"` | the type of the events whose data it changes | |
/// | `model = User` | the model whose documents it changes, in the collection and in `created`, `restored` and the like | |
/// | `from = 1` | the version that it reads | |
/// | `crate = "path"` | where `earnorm` is, when Cargo.toml gives it another name | `::earnorm` |
///
/// An upcaster of a model sees whole documents only: while a history is folded, the document folded so far passes
/// through it where the version rises. It never changes `_id`. It runs again each time old data is read, so it only
/// changes what it is given. Names of fields are the stored ones.
#[proc_macro_attribute]
pub fn upcast(args: TokenStream, item: TokenStream) -> TokenStream {
    upcast::expand(args.into(), item.into()).into()
}

#[doc = include_str!("../docs/event_handler.md")]
#[proc_macro_attribute]
pub fn event_handler(args: TokenStream, item: TokenStream) -> TokenStream {
    handlers::expand_free(args.into(), item.into()).into()
}

#[doc = include_str!("../docs/on_event.md")]
#[proc_macro_attribute]
pub fn on_event(_args: TokenStream, item: TokenStream) -> TokenStream {
    handlers::misplaced(item.into()).into()
}

/// Runs before the first event is handled, in each process that starts the program's handlers.
///
/// A free function, `fn` or `async fn`, with `db: &Database` or without, returning nothing or a `Result` with any error,
/// which keeps the handlers from starting. `order = N` comes before larger numbers, 0 is the default.
///
/// ```
/// # use earnorm::prelude::*;
/// #[on_startup]
/// async fn announce(_db: &Database) -> Result<()> {
///     println!("handlers are starting");
///     Ok(())
/// }
/// # fn main() {}
/// ```
#[proc_macro_attribute]
pub fn on_startup(args: TokenStream, item: TokenStream) -> TokenStream {
    handlers::expand_lifecycle(handlers::When::Startup, args.into(), item.into()).into()
}

/// Runs after the last event was handled, when the program's handlers stop.
///
/// A free function, `fn` or `async fn`, with `db: &Database` or without, returning nothing or a `Result` with any error,
/// which is reported. `order = N` comes before larger numbers, 0 is the default.
///
/// ```
/// # use earnorm::prelude::*;
/// #[on_shutdown(order = 10)]
/// fn say_goodbye() {
///     println!("handlers have stopped");
/// }
/// # fn main() {}
/// ```
#[proc_macro_attribute]
pub fn on_shutdown(args: TokenStream, item: TokenStream) -> TokenStream {
    handlers::expand_lifecycle(handlers::When::Shutdown, args.into(), item.into()).into()
}

#[doc = include_str!("../docs/projection.md")]
#[proc_macro_attribute]
pub fn projection(args: TokenStream, item: TokenStream) -> TokenStream {
    projection::expand(args.into(), item.into()).into()
}

#[doc = include_str!("../docs/periodic.md")]
#[proc_macro_attribute]
pub fn periodic(args: TokenStream, item: TokenStream) -> TokenStream {
    periodic::expand(args.into(), item.into()).into()
}
