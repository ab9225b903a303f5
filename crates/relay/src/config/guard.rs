//! Where a value of a request may not stand in a command, however well it is typed.

/// Programs that read a program from their arguments, and the options that say so.
const INTERPRETERS: [&str; 17] = [
    "ash", "awk", "bash", "busybox", "dash", "env", "fish", "ksh", "lua", "mksh", "node", "perl",
    "php", "python", "ruby", "sh", "zsh",
];

/// Options whose argument ffmpeg reads files or addresses from.
const DANGEROUS_OPTIONS: [&str; 11] = [
    "-af",
    "-attach",
    "-f",
    "-filter",
    "-filter:a",
    "-filter:v",
    "-filter_complex",
    "-filter_complex_script",
    "-i",
    "-lavfi",
    "-vf",
];

/// Tells why a value of a request may not stand in a word, if it may not.
pub(super) fn dangerous(words: &[String], word: usize) -> Option<String> {
    let program = words
        .first()
        .map_or("", |it| it.rsplit('/').next().unwrap_or_default());
    let bare = program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
    if word == 0 {
        return Some("a request must not choose the program".to_owned());
    }
    // Any argument of these may be read as a program, whatever stands before it.
    if INTERPRETERS.contains(&bare) {
        return Some(format!(
            "a value of a request must not get into a command of `{program}`, which reads programs"
        ));
    }
    let before = words.get(word - 1).map_or("", String::as_str);
    let option = before.split(':').next().unwrap_or_default();
    if DANGEROUS_OPTIONS.contains(&before) || DANGEROUS_OPTIONS.contains(&option) {
        return Some(format!("a value of a request must not follow `{before}`"));
    }
    if program.starts_with("ff") && word + 1 == words.len() {
        return Some("a value of a request must not be in the name of an output".to_owned());
    }
    None
}
