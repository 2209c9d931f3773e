//! Stored names of variants differ.
use earnorm::prelude::*;

#[model(embedded)]
#[derive(Clone)]
enum State {
    Open,
    #[model(rename = "Open")]
    Closed,
    #[model(name = "x")]
    Lost,
}

fn main() {}
