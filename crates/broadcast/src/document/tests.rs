use serde::Deserialize;

use super::*;

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Outer {
    name: String,
    count: u8,
    colour: Option<Colour>,
    inner: Inner,
    list: Vec<Inner>,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Inner {
    on: bool,
    number: Option<u16>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Colour {
    Red,
    DarkBlue,
}

fn read(text: &str) -> (Outer, Vec<String>) {
    let (value, faults) = Document::parse(text).unwrap().read();
    let told = |fault: &Fault| match fault.position {
        Some((line, column)) => format!("{line}:{column} {fault}"),
        None => fault.to_string(),
    };
    (value, faults.iter().map(told).collect())
}

#[test]
fn a_right_document_has_no_faults() {
    let (value, faults) =
        read("name: a\ncount: 3\ncolour: dark-blue\nlist: [{on: true}]\ninner:\n");
    assert_eq!(faults, [""; 0]);
    assert_eq!(value.colour, Some(Colour::DarkBlue));
    assert_eq!(value.list.len(), 1);
    assert_eq!(read("").1, [""; 0]);
}

#[test]
fn every_fault_is_told_with_its_place() {
    let text = "\
nam: a
count: 300
colour: dark-blu
inner:
  onn: true
  number: many
list:
  - { on: 1 }
  - 7
  - { number: 5 }
";
    let (value, faults) = read(text);
    insta::assert_snapshot!(faults.join("\n"));
    assert_eq!(value.list[1].number, Some(5));
}

#[test]
fn json_has_places_too() {
    let (_, faults) = read("{\n  \"name\": 5,\n  \"a/b\": 1\n}");
    assert_eq!(
        faults,
        [
            "2:3 /name: expected a string, found integer `5`",
            "3:3 /a~1b: unknown key `a/b` (allowed: name, count, colour, inner, list)"
        ]
    );
}

#[test]
fn broken_syntax_is_one_fault_with_its_line() {
    let fault = Document::parse("name: [\ncount: 3\n").unwrap_err();
    assert!(fault.position.is_some(), "{fault:?}");
}

#[test]
fn loose_texts_are_what_is_needed() {
    let pairs = [("number", "8"), ("on", "no")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    let (value, faults) = Document::of_pairs(pairs).read::<Inner>();
    assert_eq!(faults, []);
    assert_eq!(
        value,
        Inner {
            on: false,
            number: Some(8)
        }
    );
}

proptest::proptest! {
    #[test]
    fn any_text_is_survived(text in "[-a-z:0-9 {}\\[\\],\"\n]{0,80}") {
        if let Ok(document) = Document::parse(&text) {
            let _ = document.read::<Outer>();
        }
    }
}
