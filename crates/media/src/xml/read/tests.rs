use proptest::prelude::*;

use super::*;
use crate::xml::push_element;

fn reread(element: &Element) -> Element {
    let mut out = String::new();
    push_element(&mut out, element, 0);
    parse(&out).unwrap_or_else(|error| panic!("{error} in {out}"))
}

#[test]
fn names_order_prefixes_and_text_are_kept() {
    let text = "\u{feff}<?xml version=\"1.0\"?><!DOCTYPE MPD [<!ENTITY x \"y\">]>\n<!-- hi -->\
        <a:MPD xmlns:a='u' b=\"1\" a:c='&lt;&quot;&#233;&#x41;'>\n  <P/>t &amp; <![CDATA[<x>]]>u\n\
        <Q>  </Q></a:MPD>\n";
    let root = parse(text).unwrap();
    assert_eq!(root.name, "a:MPD");
    assert_eq!(root.local_name(), "MPD");
    assert_eq!(root.attribute("a:c"), Some("<\"éA"));
    assert_eq!(root.text(), "t & <x>u");
    assert_eq!(root.child("Q").unwrap().text(), "");
    assert_eq!(root.elements().count(), 2);
    assert_eq!(
        root.child("P").unwrap().position,
        Position { line: 3, column: 3 }
    );
    assert_eq!(reread(&root), root);
}

#[test]
fn an_attribute_may_follow_without_white_space() {
    let root = parse("<M x:s=\"DASH-MPD.xsd\"bprofiles=\"p\"c='d'/>").unwrap();
    assert_eq!(root.attribute("bprofiles"), Some("p"));
    assert_eq!(root.attribute("c"), Some("d"));
}

#[test]
fn what_cannot_be_written_again_is_refused() {
    const UNDEFINED: &str = "entity `&#1;` is not defined; only &amp; &lt; &gt; &apos; &quot; and \
                             character numbers are";
    for (text, line, reason) in [
        ("<M>\n<></></M>", 2, "`` is no name of an element"),
        ("<M>\n<1a/></M>", 2, "`1a` is no name of an element"),
        ("<M\n a,b='1'/>", 1, "`a,b` is no name of an attribute"),
        (
            "<M>\n a\0</M>",
            2,
            "XML does not allow the character U+0000",
        ),
        (
            "<M>\n\n\u{ffff}</M>",
            3,
            "XML does not allow the character U+FFFF",
        ),
        ("<M>&#1;</M>", 1, UNDEFINED),
    ] {
        let error = parse(text).expect_err(text);
        assert_eq!((error.position.line, error.reason.as_str()), (line, reason));
    }
}

#[test]
fn lone_ampersands_stand_for_themselves() {
    let root = parse("<M q='u?a=1&b=2&&amp;'>a & b&lt;</M>").unwrap();
    assert_eq!(root.attribute("q"), Some("u?a=1&b=2&&"));
    assert_eq!(root.text(), "a & b<");
}

#[test]
fn white_space_in_attributes_is_normalised_and_survives_when_escaped() {
    let root = parse("<M a='1\r\n2\t3' b='1&#10;2'/>").unwrap();
    assert_eq!(root.attribute("a"), Some("1 2 3"));
    assert_eq!(root.attribute("b"), Some("1\n2"));
    assert_eq!(reread(&root), root);
}

#[test]
fn errors_tell_the_place() {
    for (text, line, column, path, part) in [
        ("<a>\n <b x='1' x='2'/></a>", 2, 2, "a", "duplicated"),
        ("<a>\n <é>\n  </c>", 3, 3, "a/é", "expected"),
        ("<a>&foo;</a>", 1, 4, "a", "`&foo;` is not defined"),
        ("<a b='&foo;'/>", 1, 1, "document", "in attribute `b`"),
        ("<a><b>", 1, 7, "a/b", "ends before `</b>`"),
        ("<a/><b/>", 1, 5, "document", "second root"),
        ("  ", 1, 1, "document", "no element"),
        ("<a b=1/>", 1, 1, "document", "enclosed"),
        ("<a", 1, 1, "document", "not closed"),
    ] {
        let error = parse(text).unwrap_err();
        let place = (
            error.position.line,
            error.position.column,
            error.path.as_str(),
        );
        assert_eq!(place, (line, column, path), "{text}: {error}");
        assert!(error.reason.contains(part), "{text}: {error}");
    }
}

#[test]
fn limits_hold() {
    let limits = Limits {
        bytes: 200,
        depth: 3,
        elements: 5,
        attributes: 2,
    };
    for (text, part) in [
        ("<a><b><c><d/></c></b></a>", None),
        ("<a><b><c><d></d></c></b></a>", Some("deep")),
        ("<a><b/><b/><b/><b/></a>", None),
        ("<a><b/><b/><b/><b/><b/></a>", Some("more than 5 elements")),
        ("<a x='' y='' z=''/>", Some("more than 2 attributes")),
    ] {
        let result = parse_within(text, limits);
        match part {
            None => assert!(result.is_ok(), "{text}"),
            Some(part) => assert!(result.unwrap_err().reason.contains(part), "{text}"),
        }
    }
    assert!(
        parse_within(&" ".repeat(201), limits)
            .unwrap_err()
            .reason
            .contains("201 bytes")
    );
}

fn tree() -> impl Strategy<Value = Element> {
    let attributes = || prop::collection::vec("\\PC{0,12}", 0..4);
    let name = "[A-Za-z][A-Za-z0-9:._-]{0,7}";
    let leaf = (name, attributes()).prop_map(|(name, values)| Element {
        name,
        attributes: values
            .into_iter()
            .enumerate()
            .map(|(i, value)| (format!("a{i}"), value))
            .collect(),
        ..Element::default()
    });
    leaf.prop_recursive(4, 24, 4, move |inner| {
        (
            name,
            prop::collection::vec(inner, 0..4),
            "[a-z&<>\"' ]{1,8}",
            any::<bool>(),
        )
            .prop_map(|(name, children, text, with_text)| {
                let mut children: Vec<Node> = children.into_iter().map(Node::Element).collect();
                if with_text && !text.trim().is_empty() {
                    children.push(Node::Text(text));
                }
                Element {
                    name,
                    children,
                    ..Element::default()
                }
            })
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(element in tree()) {
        prop_assert_eq!(reread(&element), element);
    }

    #[test]
    fn nothing_panics(text in "[<>/a-c=\"'&;#x!\\[\\]é \n-]{0,60}") {
        let _ = parse(&text);
    }
}
