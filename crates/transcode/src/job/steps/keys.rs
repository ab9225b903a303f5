//! The keys of parts: exactly what each depends on.

use serde_json::{Value, json};

use crate::{
    commit::{Key, Step},
    plan::Plan,
};

/// Version of how parts are made beside the plan's own; a raise makes them again.
const FORMAT: u32 = 1;

/// Returns the key of a part.
pub(super) fn part(step: Step, plan: &Plan, content: &str, tool: &str) -> Key {
    let of = |list: Option<Value>| list.unwrap_or(Value::Null);
    let what = match step {
        Step::Chunk(index) => json!({
            "chunk": plan.chunks.get(index as usize),
            "picture": plan.picture,
            "videos": plan.videos,
        }),
        Step::Audio(index) => of(plan.audios.get(index as usize).map(|it| json!(it))),
        Step::Text(index) => of(plan.texts.get(index as usize).map(|it| json!(it))),
        Step::Thumbnails => json!({
            "picture": plan.picture,
            "videos": plan.videos,
            "tiles": plan.thumbnails,
        }),
        _ => Value::Null,
    };
    Key::of(step)
        .input(content)
        .parameters(&json!({
            "format": [FORMAT, plan.format],
            "origin": plan.origin,
            "start": plan.source.start,
            "grid": plan.grid,
            "what": what,
        }))
        .tool(tool)
        .finish()
}
