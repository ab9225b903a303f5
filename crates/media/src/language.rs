//! Language codes: streams carry three letters (ISO 639-2), manifests want the shortest (BCP 47).

/// Three-letter codes, bibliographic and terminological, with their two letters (ISO 639).
#[rustfmt::skip]
const SHORT: [(&str, &str); 66] = [
    ("afr", "af"), ("alb", "sq"), ("ara", "ar"), ("arm", "hy"), ("baq", "eu"), ("bel", "be"),
    ("ben", "bn"), ("bos", "bs"), ("bul", "bg"), ("cat", "ca"), ("ces", "cs"), ("chi", "zh"),
    ("cym", "cy"), ("cze", "cs"), ("dan", "da"), ("deu", "de"), ("dut", "nl"), ("ell", "el"),
    ("eng", "en"), ("est", "et"), ("eus", "eu"), ("fas", "fa"), ("fin", "fi"), ("fra", "fr"),
    ("fre", "fr"), ("geo", "ka"), ("ger", "de"), ("gle", "ga"), ("glg", "gl"), ("gre", "el"),
    ("heb", "he"), ("hin", "hi"), ("hrv", "hr"), ("hun", "hu"), ("hye", "hy"), ("ice", "is"),
    ("ind", "id"), ("isl", "is"), ("ita", "it"), ("jpn", "ja"), ("kor", "ko"), ("lav", "lv"),
    ("lit", "lt"), ("mac", "mk"), ("may", "ms"), ("nld", "nl"), ("nor", "no"), ("per", "fa"),
    ("pol", "pl"), ("por", "pt"), ("ron", "ro"), ("rum", "ro"), ("rus", "ru"), ("slk", "sk"),
    ("slo", "sk"), ("slv", "sl"), ("spa", "es"), ("sqi", "sq"), ("srp", "sr"), ("swe", "sv"),
    ("tur", "tr"), ("ukr", "uk"), ("urd", "ur"), ("vie", "vi"), ("wel", "cy"), ("zho", "zh"),
];

/// Returns a language tag in its shortest form, the rest of it kept: `eng` is `en`.
pub fn short(tag: &str) -> String {
    let (language, rest) = tag.split_at(tag.find('-').unwrap_or(tag.len()));
    let language = language.to_ascii_lowercase();
    let language = SHORT
        .binary_search_by_key(&language.as_str(), |(long, _)| long)
        .ok()
        .and_then(|index| SHORT.get(index))
        .map_or(language.as_str(), |(_, short)| short);
    format!("{language}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_shortened() {
        assert!(SHORT.is_sorted());
        for (given, expected) in [
            ("eng", "en"),
            ("ENG", "en"),
            ("ger", "de"),
            ("deu-AT", "de-AT"),
            ("en", "en"),
            ("mis", "mis"),
            ("", ""),
        ] {
            assert_eq!(short(given), expected);
        }
    }
}
