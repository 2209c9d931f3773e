//! What generated code names. Not public: it changes without notice.

pub use ::{bson, chrono, inventory, regex, serde, uuid};

pub use crate::error::{BoxError, DecodeError, EncodeError};
pub use crate::event::{Event, EventRegistration};
pub use crate::hook::{
    Abort, Applier, ApplyFn, Block, BoxFuture, Hook, HookFn, HookInfo, HookRegistration, ModelRegistration, Phase,
    PostOutcome, PreOutcome, ValidateOutcome, describe,
};
pub use crate::model::{Applies, ApplyMethod, Model, ModelId, Moment, Sourced, Stamp, StartsWith, Tracked};
pub use crate::personal::{personal_path, subject_path};
pub use crate::query::{Field, Filter, Sort};
pub use crate::save::{PostContext, PreContext};
pub use crate::schema::{FieldSchema, IndexKey, IndexSchema, ModelSchema, StoredKind};
pub use crate::shape;
pub use crate::upcast::{UpcastError, UpcastOutcome, UpcastRegistration};
pub use crate::validation::{self, Nested, ValidationError, ValidationErrors};
pub use crate::value::{
    Encoding, Fields, Value, absent_serde, decode_serde, encode_serde, field, fields_of, item, items, read, tagged,
    unknown_variant, variant, veiled, write,
};
