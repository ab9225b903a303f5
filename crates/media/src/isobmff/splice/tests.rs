use super::*;
use crate::isobmff::{
    testing::{Base, TestFragment, TestSidx, boxed, sidx_box},
    walk,
};

fn spliced(source: &[u8], edits: &[(Range<usize>, &[u8])]) -> Vec<u8> {
    let mut splice = Splice::new(source);
    for (range, with) in edits {
        splice.replace(range.clone(), with);
    }
    splice.apply().expect("applies").into_vec()
}

/// Position of the body of the first `tfdt`.
fn tfdt_body(bytes: &[u8]) -> usize {
    let found = walk::find(bytes, &[b"moof", b"traf", b"tfdt"]).expect("reads");
    found.expect("is there").body_range().start
}

#[test]
fn no_edit_is_identity() {
    let fragment = TestFragment::default().build(0);
    let source = [fragment.clone(), boxed(b"free", b"xy"), fragment].concat();
    assert_eq!(spliced(&source, &[]), source);
    let mut splice = Splice::new(&source);
    // An edit that changes nothing repairs everything to what it was.
    let at = tfdt_body(&source);
    splice.replace(at..at + 8, &source[at..at + 8]);
    assert_eq!(splice.apply().expect("applies").into_vec(), source);
}

#[test]
fn growth_inside_a_fragment_moves_what_points_across_it() {
    for (base, saio_version) in [
        (Base::Moof, 0),
        (Base::Implied, 1),
        (Base::File(0), 0),
        (Base::File(5000), 1),
    ] {
        let fragment = TestFragment {
            base,
            saio_version,
            encrypted: true,
            ..TestFragment::default()
        };
        let first = fragment.build(0);
        let source = [first.clone(), fragment.build(first.len())].concat();
        let at = tfdt_body(&source);
        let result = spliced(
            &source,
            &[(at..at + 8, &[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7])],
        );

        let grown = TestFragment {
            tfdt_version: 1,
            decode_time: 7,
            ..fragment.clone()
        };
        // The payload shows its old place, so only the headers can be compared as a whole.
        let wanted_first = grown.build(0);
        let wanted_second = fragment.build(wanted_first.len());
        let moof = wanted_first.len() - 7 - 8;
        assert_eq!(result[..moof], wanted_first[..moof], "{base:?}");
        let second = wanted_first.len()..wanted_first.len() + wanted_second.len() - 7 - 8;
        assert_eq!(
            result[second.clone()],
            wanted_second[..second.len()],
            "{base:?}"
        );
        assert_eq!(result.len(), source.len() + 4);
        assert_eq!(result[result.len() - 7..], source[source.len() - 7..]);
    }
}

#[test]
fn indexes_before_the_growth_grow_with_it() {
    let fragment = TestFragment::default().build(0);
    let len = fragment.len() as u32;
    let inner = sidx_box(&TestSidx {
        timescale: 1,
        references: vec![(len, 1, true, false), (len, 1, true, false)],
        ..TestSidx::default()
    });
    // The outer index refers to the inner one with its media, then to the last fragment.
    let outer = sidx_box(&TestSidx {
        timescale: 1,
        first_offset: 10,
        references: vec![
            (inner.len() as u32 + 2 * len, 2, true, true),
            (len, 1, true, false),
        ],
        ..TestSidx::default()
    });
    let source = [
        outer.clone(),
        boxed(b"free", b"xy"),
        inner,
        fragment.clone(),
        fragment.clone(),
        fragment,
    ]
    .concat();
    let edits: Vec<_> = boxes(&source)
        .map(|found| found.expect("reads"))
        .filter(|found| found.kind.0 == *b"moof")
        .map(|moof| {
            let at = moof.offset + tfdt_body(moof.bytes);
            (at..at + 8, &[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..])
        })
        .collect();
    let result = spliced(&source, &edits);
    let indexes: Vec<_> = boxes(&result)
        .map(|found| found.expect("reads"))
        .filter(|found| found.kind.0 == *b"sidx")
        .map(|found| {
            let sidx = Sidx::new(found.body()).expect("reads");
            let sizes: Vec<u32> = sidx.references().map(|one| one.size).collect();
            (sidx.first_offset(), sizes)
        })
        .collect();
    let outer_first = outer.len() as u32 + 2 * len + 8;
    assert_eq!(indexes[0], (10, vec![outer_first, len + 4]));
    assert_eq!(indexes[1], (0, vec![len + 4, len + 4]));
}

#[test]
fn bad_edits_are_refused() {
    let source = TestFragment::default().build(0);
    let mdat = source.len() - 3;
    for (name, edits) in [
        ("empty", vec![(20..20, &b"x"[..])]),
        ("overlapping", vec![(20..24, b""), (22..26, b"")]),
        ("in the payload", vec![(mdat..mdat + 1, b"")]),
        (
            "behind the end",
            vec![(source.len()..source.len() + 4, b"")],
        ),
        ("too long", vec![(20..24, &[0; 29])]),
        ("a header", vec![(2..6, b"")]),
    ] {
        let mut splice = Splice::new(&source);
        for (range, with) in edits {
            splice.replace(range, with);
        }
        assert!(splice.apply().is_err(), "{name}");
    }
}
