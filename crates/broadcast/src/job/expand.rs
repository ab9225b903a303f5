//! `${NAME}` in the texts of a job that may hold secrets or differ from host to host: URIs,
//! addresses, passphrases, stream ids, header values, keys of web hooks, arguments of commands. Nowhere
//! else.
//! `$${` is a plain `${`.

use super::{Environment, Job};
use crate::document::Fault;

/// Puts in the variables. What is unknown or malformed is a fault.
pub(super) fn expand(job: &mut Job, environment: Environment<'_>, faults: &mut Vec<Fault>) {
    for (pointer, text) in texts(job) {
        match expanded(text, environment) {
            Ok(new) => *text = new,
            Err(reason) => faults.push(Fault::new(pointer, reason)),
        }
    }
}

fn texts(job: &mut Job) -> Vec<(String, &mut String)> {
    let mut texts = Vec::new();
    for (index, input) in job.what.inputs.iter_mut().enumerate() {
        let below = |(pointer, text)| (format!("/job/inputs/{index}{pointer}"), text);
        texts.extend(input.expandable().into_iter().map(below));
    }
    for (index, target) in job.runtime.targets.iter_mut().enumerate() {
        let pointer = format!("/runtime/targets/{index}");
        texts.push((format!("{pointer}/uri"), &mut target.uri));
        for (name, value) in &mut target.headers {
            texts.push((format!("{pointer}/headers/{name}"), value));
        }
    }
    for (index, hook) in job.runtime.webhooks.iter_mut().enumerate() {
        let pointer = format!("/runtime/webhooks/{index}");
        texts.push((format!("{pointer}/url"), &mut hook.url));
        let secret = hook.secret.as_mut();
        texts.extend(secret.map(|secret| (format!("{pointer}/secret"), secret)));
    }
    texts
}

fn expanded(text: &str, environment: Environment<'_>) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, after) = rest.split_at(at);
        let after = after.get(2..).unwrap_or_default();
        if let Some(before) = before.strip_suffix('$') {
            out.push_str(before);
            out.push_str("${");
            rest = after;
            continue;
        }
        out.push_str(before);
        let Some((name, behind)) = after.split_once('}') else {
            return Err("`${` without `}`".to_owned());
        };
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if name.is_empty() || !name.bytes().all(plain) {
            return Err(format!("`${{{name}}}` is not the name of a variable"));
        }
        let value = environment(name)
            .ok_or_else(|| format!("the environment variable `{name}` is not set"))?;
        out.push_str(&value);
        rest = behind;
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn environment(name: &str) -> Option<String> {
        (name == "KEY").then(|| "${KEY}".to_owned())
    }

    #[test]
    fn variables_are_put_in_once() {
        for (text, expected) in [
            ("", Ok("")),
            ("a$b", Ok("a$b")),
            ("${KEY}", Ok("${KEY}")),
            ("x${KEY}y", Ok("x${KEY}y")),
            ("$${KEY}", Ok("${KEY}")),
            ("${NONE}", Err("the environment variable `NONE` is not set")),
            ("${", Err("`${` without `}`")),
            ("${a b}", Err("`${a b}` is not the name of a variable")),
        ] {
            let found = expanded(text, &environment);
            assert_eq!(found.as_deref().map_err(String::as_str), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "[${}A-Zé]{0,20}") {
            let _ = expanded(&text, &environment);
        }
    }
}
