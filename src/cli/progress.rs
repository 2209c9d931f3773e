//! Progress bars: on standard error, and only where people look.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::replay::Progress;

/// The bar of one piece of work. Dropping it removes it from the terminal.
#[derive(Debug)]
pub(super) struct Bar {
    bar: ProgressBar,
}

impl Bar {
    pub(super) fn new(visible: bool, what: &str) -> Self {
        let bar = ProgressBar::no_length().with_message(what.to_owned());
        bar.set_draw_target(if visible { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() });
        bar.set_style(style(false));
        if visible {
            bar.enable_steady_tick(Duration::from_millis(120));
        }
        Self { bar }
    }

    /// What long work is told to call.
    pub(super) fn teller(&self) -> impl FnMut(Progress) + Send + 'static {
        let bar = self.bar.clone();
        let mut step = "";
        move |progress| {
            if step != progress.step {
                step = progress.step;
                bar.reset();
                bar.set_message(step);
            }
            show(&bar, progress.done, progress.total);
        }
    }

    pub(super) fn show(&self, done: u64, total: Option<u64>) {
        show(&self.bar, done, total);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn show(bar: &ProgressBar, done: u64, total: Option<u64>) {
    match total.filter(|total| *total > 0) {
        // An estimate, while others write.
        Some(total) if bar.length() != Some(total.max(done)) => {
            bar.set_style(style(true));
            bar.set_length(total.max(done));
        }
        Some(_) => {}
        None => {
            bar.unset_length();
            bar.set_style(style(false));
        }
    }
    bar.set_position(done);
}

fn style(bounded: bool) -> ProgressStyle {
    let template = if bounded {
        "{msg} [{bar:30}] {human_pos}/{human_len} {per_sec} {eta} left"
    } else {
        "{spinner} {msg} {human_pos} {per_sec}"
    };
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ")
}
