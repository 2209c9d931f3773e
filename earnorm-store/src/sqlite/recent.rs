//! The documents that were written last, read already: whoever saves one again and again need not have its text parsed
//! each time.
//!
//! Nothing here is believed: a document is used only where the file holds the very text that it was written as. Other
//! processes, and transactions that were taken back, need not be heard of.

use std::collections::HashMap;

use bson::Document;

/// How much text is kept. Documents in memory take a few times of it.
const BYTES_MAX: usize = 1024 * 1024;

/// Documents by the keys of their rows, in whichever collection.
#[derive(Debug, Default)]
pub(super) struct Recent {
    kept: HashMap<Vec<u8>, (String, Document)>,
    bytes: usize,
}

impl Recent {
    /// The document of a text, if it is kept; it is not any more.
    pub(super) fn take(&mut self, key: &[u8], text: &str) -> Option<Document> {
        let (kept, document) = self.kept.remove(key)?;
        self.bytes -= kept.len();
        (kept == text).then_some(document)
    }

    /// Keeps a document that was written as `text`. Where there is no room, all others are forgotten.
    pub(super) fn keep(&mut self, key: Vec<u8>, text: String, document: Document) {
        if self.bytes + text.len() > BYTES_MAX {
            self.kept.clear();
            self.bytes = 0;
        }
        if text.len() > BYTES_MAX / 16 {
            return;
        }
        self.bytes += text.len();
        if let Some((before, _)) = self.kept.insert(key, (text, document)) {
            self.bytes -= before.len();
        }
    }
}

#[cfg(test)]
mod tests {
    //! What is kept is given back for the same text alone, and never too much of it.

    use bson::doc;

    use super::{BYTES_MAX, Recent};

    #[test]
    fn a_document_is_given_for_its_very_text_once() {
        let mut recent = Recent::default();
        recent.keep(vec![1], "one".to_owned(), doc! { "n": 1 });
        assert_eq!(recent.take(&[2], "one"), None);
        assert_eq!(recent.take(&[1], "one"), Some(doc! { "n": 1 }));
        assert_eq!((recent.take(&[1], "one"), recent.bytes), (None, 0));
        recent.keep(vec![1], "one".to_owned(), doc! { "n": 1 });
        recent.keep(vec![1], "three".to_owned(), doc! { "n": 3 });
        assert_eq!(recent.bytes, 5);
        assert_eq!(recent.take(&[1], "one"), None, "another one was written since");
        assert_eq!((recent.take(&[1], "three"), recent.bytes), (None, 0));
    }

    #[test]
    fn no_more_is_kept_than_there_is_room_for() {
        let mut recent = Recent::default();
        for number in 0..200_u8 {
            recent.keep(vec![number], "x".repeat(BYTES_MAX / 16), doc! {});
            assert!(recent.bytes <= BYTES_MAX);
            assert_eq!(recent.bytes, recent.kept.values().map(|(text, _)| text.len()).sum::<usize>());
        }
        recent.keep(vec![7], "x".repeat(BYTES_MAX / 16 + 1), doc! {});
        assert_eq!(recent.take(&[7], &"x".repeat(BYTES_MAX / 16 + 1)), None, "one alone is not worth all the room");
    }
}
