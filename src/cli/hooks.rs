//! `hooks`: the plan of every model, in the order in which it runs.

use serde_json::{Value, json};

use super::exit::{Exit, Outcome, Stop};
use super::nearest;
use super::open::{Target, has_models, needs_code};
use super::out::Out;
use super::table::{Grid, Tone};
use crate::Registry;
use crate::hook::{HookInfo, Phase};
use crate::schema::ModelSchema;

/// Lists the hooks by what happens to an instance: the first of a list runs first.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only these models.
    #[arg(value_name = "MODEL")]
    models: Vec<String>,
}

/// What can happen to an instance, and the phases that then run: those of one stage are sorted together.
const PLANS: [(&str, &[&[Phase]]); 4] = [
    ("create", &[&[Phase::Validate], &[Phase::PreSave, Phase::PreCreate], &[Phase::PostSave, Phase::PostCreate]]),
    ("update", &[&[Phase::Validate], &[Phase::PreSave, Phase::PreUpdate], &[Phase::PostSave, Phase::PostUpdate]]),
    ("delete", &[&[Phase::PreDelete], &[Phase::PostDelete]]),
    ("load", &[&[Phase::PostLoad]]),
];

/// One hook at its place.
struct Step<'a> {
    model: &'a str,
    on: &'static str,
    step: usize,
    hook: &'a HookInfo,
}

pub(super) fn run(args: &Args, target: &Target, out: &mut Out<'_>) -> Outcome {
    let (models, hooks) = match target {
        Target::Database(db) => (db.models(), db.hooks()),
        Target::Address if has_models() => {
            let registry = Registry::collected();
            (registry.models().collect(), registry.hooks())
        }
        Target::Address | Target::Store(_) => return Err(needs_code("the plan of hooks")),
    };
    check(args, &models)?;
    let wanted = |model: &&&ModelSchema| args.models.is_empty() || args.models.iter().any(|name| name == model.name);
    let steps: Vec<_> = models.iter().filter(wanted).flat_map(|model| plan(model, &hooks)).collect();
    if out.is_json() {
        let list = steps.iter().map(|step| {
            json!({
                "model": step.model,
                "on": step.on,
                "step": step.step,
                "phase": step.hook.phase.name(),
                "order": step.hook.order,
                "hook": format!("{}::{}", step.hook.module, step.hook.name),
            })
        });
        out.document(&Value::Array(list.collect()))?;
        return Ok(Exit::Ok);
    }
    if steps.is_empty() {
        out.note("no hooks: write `#[pre_save]`, `#[post_save]` and the like in `#[model] impl` blocks");
        return Ok(Exit::Ok);
    }
    out.table(&grid(&steps))?;
    out.note("\nWhat pre hooks changed is validated again before the commit. A restore runs the hooks of an update.");
    Ok(Exit::Ok)
}

fn check(args: &Args, models: &[&ModelSchema]) -> Outcome<()> {
    let known: Vec<_> = models.iter().map(|model| model.name).collect();
    let unknown = args.models.iter().find(|name| !known.contains(&name.as_str()));
    let Some(unknown) = unknown else { return Ok(()) };
    let stop = Stop::usage(format!("no model is named `{unknown}`"));
    Err(match nearest::instead("models", unknown, &known) {
        Some(hint) => stop.hint(hint),
        None => stop,
    })
}

fn plan<'a>(model: &'a ModelSchema, hooks: &'a [HookInfo]) -> Vec<Step<'a>> {
    let own: Vec<_> = hooks.iter().filter(|hook| hook.model == model.rust_path).collect();
    let mut steps = Vec::new();
    for (on, stages) in PLANS {
        let mut number = 0;
        for phases in stages {
            let mut stage: Vec<_> = own.iter().filter(|hook| phases.contains(&hook.phase)).collect();
            stage.sort_by_key(|hook| (hook.order, hook.phase, hook.module, hook.name));
            for hook in stage {
                number += 1;
                steps.push(Step { model: model.name, on, step: number, hook });
            }
        }
    }
    steps
}

fn grid(steps: &[Step<'_>]) -> Grid {
    let mut grid = Grid::new(&["model", "on", ">step", "phase", ">order", "hook"]);
    let mut last = ("", "");
    for step in steps {
        let Step { model, on, step, hook } = *step;
        // A name is written once, at the head of its group.
        let (shown_model, shown_on) = match last {
            (last_model, last_on) if last_model == model && last_on == on => ("", ""),
            (last_model, _) if last_model == model => ("", on),
            _ => (model, on),
        };
        last = (model, on);
        let (number, order) = (step.to_string(), hook.order.to_string());
        let name = format!("{}::{}", hook.module, hook.name);
        grid.row([shown_model, shown_on, &number, hook.phase.name(), &order, &name]);
        if hook.order == 0 {
            grid.tone(4, Tone::Dim);
        }
    }
    grid
}
