//! Projections that cannot be folded.
use earnorm::prelude::*;

#[event]
#[derive(Debug, Clone)]
struct Paid {
    cents: i64,
}

#[derive(Debug, Default, Clone, serde::Serialize, serde::Deserialize)]
struct Sum {
    cents: i64,
}

#[projection(name = "Sums", verzion = 2)]
async fn misnamed(_paid: &Recorded<Paid>, _view: &mut View<Sum>) -> Handled {
    Ok(())
}

#[projection]
async fn no_view(_paid: &Recorded<Paid>) -> Handled {
    Ok(())
}

#[projection]
async fn other_view(_paid: &Recorded<Paid>, _view: &View<Sum>) -> Handled {
    Ok(())
}

#[projection]
impl Sum {
    async fn paid(_paid: &Recorded<Paid>, _view: &mut View<Self>) -> Handled {
        Ok(())
    }
}

#[projection(name = "empty")]
impl Sum {
    fn nothing() {}
}

#[projection]
struct Row;

fn main() {}
