//! Whole collections: one that takes another's place, one that goes.

use bson::doc;
use bson::raw::RawDocumentBuf;
use earnorm_core::error::StoreError;
use earnorm_core::{Error, Result};

use super::error::STORE;
use super::inner::Inner;
use super::raw::unencodable;

/// The collection is not there.
const NAMESPACE_NOT_FOUND: i32 = 26;
/// What cannot be renamed, such as a sharded collection, and commands that a router does not know.
const NOT_RENAMED: [i32; 4] = [20, 72, 115, 166];

impl Inner {
    /// The rename waits for open transactions on both; readers in between see one or the other.
    pub(super) async fn swap(&self, shadow: &str, live: &str) -> Result<()> {
        let what = format!("rename `{shadow}` over `{live}`");
        if shadow == live {
            return Err(StoreError::new(STORE, format!("could not {what}: it is the same collection")).into());
        }
        let database = self.db.name();
        let command = doc! {
            "renameCollection": format!("{database}.{shadow}"),
            "to": format!("{database}.{live}"),
            "dropTarget": true,
        };
        match self.durably_admin(&what, &command).await {
            Ok(_) => Ok(()),
            // The answer to an earlier try was lost: it was done.
            Err(refused) if refused.tried && refused.code == Some(NAMESPACE_NOT_FOUND) => Ok(()),
            Err(refused) if refused.code.is_some_and(|code| NOT_RENAMED.contains(&code)) => Err(Error::Unsupported {
                store: STORE,
                what: "rename this collection, as it cannot where it is sharded; repair it in place",
            }),
            Err(refused) => Err(refused.into()),
        }
    }

    pub(super) async fn drop_collection(&self, collection: &str) -> Result<()> {
        let command = RawDocumentBuf::try_from(&doc! { "drop": collection }).map_err(|error| unencodable(&error))?;
        match self.durably(&format!("drop `{collection}`"), command).await {
            Err(refused) if refused.code != Some(NAMESPACE_NOT_FOUND) => Err(refused.into()),
            _ => Ok(()),
        }
    }
}
