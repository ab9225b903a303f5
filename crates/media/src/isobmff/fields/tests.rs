use super::*;
use crate::isobmff::{
    testing::{
        Base, TestFragment, TestSidx, boxed, code, emsg_box, full, prft_box, sidx_box, sized,
        styp_box,
    },
    walk,
};

/// The body of a single box with an eight-byte header.
fn body(of: &[u8]) -> Vec<u8> {
    of[8..].to_vec()
}

/// The body of a box of a fragment.
fn in_traf(fragment: &TestFragment, kind: [u8; 4]) -> Vec<u8> {
    let bytes = fragment.build(0);
    let found = walk::find(&bytes, &[b"moof", b"traf", &kind]).expect("reads");
    found.expect("is there").body().to_vec()
}

#[test]
fn times_have_the_width_of_their_version() {
    for (version, fits) in [(0, u64::from(u32::MAX)), (1, u64::MAX)] {
        let mut bytes = body(&full(b"tfdt", version, 0, &[&sized(version, 5)]));
        let mut tfdt = Tfdt::new(bytes.as_mut_slice()).expect("reads");
        assert_eq!(
            (tfdt.version(), tfdt.base_media_decode_time()),
            (version, 5)
        );
        tfdt.set_base_media_decode_time(fits).expect("fits");
        assert_eq!(tfdt.base_media_decode_time(), fits);
        if version == 0 {
            let error = tfdt.set_base_media_decode_time(fits + 1);
            assert_eq!(
                error.expect_err("is too wide").to_string(),
                "4294967296 does not fit into 32 bits"
            );
            assert_eq!(tfdt.base_media_decode_time(), fits);
        }
    }
}

#[test]
fn optional_fields_are_where_the_flags_put_them() {
    // base, description index, duration, size, flags in turn.
    let fields: [u8; 24] = [
        0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5,
    ];
    let all = body(&full(b"tfhd", 0, 0x02_003b, &[&[0, 0, 0, 9], &fields]));
    let tfhd = Tfhd::new(&all).expect("reads");
    assert_eq!(tfhd.track_id(), 9);
    assert_eq!(tfhd.base_data_offset(), Some(1));
    assert_eq!(tfhd.default_sample_duration(), Some(3));
    assert_eq!(tfhd.default_sample_size(), Some(4));
    assert_eq!(tfhd.default_sample_flags(), Some(5));
    assert!(tfhd.default_base_is_moof());
    assert_eq!(tfhd.flags_based_on_moof(), 0x02_003a);

    let some = body(&full(b"tfhd", 0, 0x28, &[&[0, 0, 0, 9], &fields[12..20]]));
    let tfhd = Tfhd::new(&some).expect("reads");
    assert_eq!(tfhd.base_data_offset_place(), None);
    assert_eq!(tfhd.default_sample_duration(), Some(3));
    assert_eq!(tfhd.default_sample_size(), None);
    assert_eq!(tfhd.default_sample_flags(), Some(4));
    assert!(Tfhd::new(&some[..some.len() - 1]).is_none());
}

#[test]
fn runs_tell_what_they_hold_and_no_more() {
    let bytes = in_traf(&TestFragment::default(), *b"trun");
    let trun = Trun::new(&bytes).expect("reads");
    assert_eq!(trun.sample_count(), 3);
    let second = trun.sample(1);
    assert_eq!(second.duration, Some(10));
    assert_eq!(second.size, Some(0));
    assert_eq!(second.composition_offset, -5);
    assert!(Trun::new(&bytes[..bytes.len() - 1]).is_none());

    // No records; data offset and the first sample's flags.
    let plain = [0, 0, 0, 2, 0xff, 0xff, 0xff, 0xfe, 0, 0, 0, 7];
    let plain = body(&full(b"trun", 0, 5, &[&plain]));
    let trun = Trun::new(&plain).expect("reads");
    assert_eq!(trun.data_offset(), Some(-2));
    assert_eq!(trun.sample(0).flags, Some(7));
    assert_eq!(trun.sample(1), TrunSample::default());
    assert!(!trun.has_records());
}

#[test]
fn index_entries_keep_their_kind_when_resized() {
    for version in [0, 1] {
        let mut bytes = body(&sidx_box(&TestSidx {
            version,
            timescale: 1000,
            time: 6,
            first_offset: 7,
            references: vec![(8, 9, true, true), (10, 11, false, false)],
        }));
        let mut sidx = Sidx::new(bytes.as_mut_slice()).expect("reads");
        assert_eq!((sidx.reference_id(), sidx.timescale()), (1, 1000));
        assert_eq!(sidx.earliest_presentation_time(), 6);
        sidx.set_first_offset(70).expect("fits");
        sidx.set_reference_size(0, 80).expect("fits");
        assert!(sidx.set_reference_size(1, 1 << 31).is_err());
        assert_eq!(sidx.first_offset(), 70);
        let first = sidx.reference(0);
        assert_eq!((first.size, first.duration), (80, 9));
        assert!(first.is_index && first.starts_with_sap);
        assert_eq!(sidx.reference(1).size, 10);
    }
}

#[test]
fn both_kinds_of_event_messages_read() {
    for version in [0, 1] {
        let mut bytes = body(&emsg_box(version, 77));
        let mut emsg = Emsg::new(bytes.as_mut_slice()).expect("reads");
        assert_eq!(emsg.scheme_id_uri(), "urn:scheme");
        assert_eq!(emsg.value(), "value");
        assert_eq!(emsg.timescale(), 1000);
        assert_eq!((emsg.event_duration(), emsg.id()), (9, 4));
        assert_eq!(emsg.message_data(), b"data");
        let delta = (version == 0).then_some(77);
        assert_eq!(emsg.presentation_time_delta(), delta);
        emsg.set_presentation_time(1 << 40);
        let time = (version == 1).then_some(1 << 40);
        assert_eq!(emsg.presentation_time(), time);
    }
}

#[test]
fn producer_reference_times_read_and_write() {
    for version in [0, 1] {
        let mut bytes = body(&prft_box(version, 1 << 40, 6));
        let mut prft = Prft::new(bytes.as_mut_slice()).expect("reads");
        assert_eq!((prft.reference_track_id(), prft.media_time()), (1, 6));
        prft.set_ntp_timestamp(u64::MAX);
        prft.set_media_time(9).expect("fits");
        assert_eq!((prft.ntp_timestamp(), prft.media_time()), (u64::MAX, 9));
    }
}

#[test]
fn auxiliary_information_is_found() {
    let fragment = TestFragment {
        encrypted: true,
        base: Base::Implied,
        ..TestFragment::default()
    };
    let saiz = in_traf(&fragment, *b"saiz");
    let saiz = Saiz::new(&saiz).expect("reads");
    assert_eq!(
        (saiz.sample_count(), saiz.default_sample_info_size()),
        (3, 8)
    );
    assert_eq!((saiz.sample_info_size(2), saiz.sample_info_size(3)), (8, 0));
    let typed = [b'c', b'e', b'n', b'c', 0, 0, 0, 0, 0, 0, 0, 0, 2, 16, 22];
    let typed = body(&full(b"saiz", 0, 1, &[&typed]));
    let saiz = Saiz::new(&typed).expect("reads");
    assert_eq!(
        (saiz.sample_info_size(0), saiz.sample_info_size(1)),
        (16, 22)
    );

    let senc = in_traf(&fragment, *b"senc");
    let senc = Senc::new(&senc).expect("reads");
    assert_eq!(senc.samples(8).count(), 3);
    assert!(senc.samples(8).all(|sample| sample.iv == [7; 8]));
    assert_eq!(senc.samples(0).count(), 0);

    let with_table = [
        0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 0, 99, 0, 0, 0, 160,
    ];
    let with_table = body(&full(b"senc", 0, 2, &[&with_table]));
    let senc = Senc::new(&with_table).expect("reads");
    let sample = senc.samples(8).next().expect("is there");
    let subsample = Subsample {
        clear: 99,
        protected: 160,
    };
    assert_eq!(sample.subsamples().collect::<Vec<_>>(), [subsample]);
}

#[test]
fn offsets_of_auxiliary_information_have_their_version() {
    for version in [0, 1] {
        let mut bytes = body(&full(
            b"saio",
            version,
            1,
            &[&[0; 8], &[0, 0, 0, 1], &sized(version, 99)],
        ));
        let mut saio = Saio::new(bytes.as_mut_slice()).expect("reads");
        assert_eq!((saio.entry_count(), saio.offset(0)), (1, 99));
        assert_eq!(saio.set_offset(0, 1 << 33).is_ok(), version == 1);
    }
}

#[test]
fn track_encryption_has_a_vector_of_its_own_or_of_each_sample() {
    let kid: Vec<u8> = (0..16).collect();
    let cenc = body(&full(b"tenc", 0, 0, &[&[0, 0x19, 1, 8], &kid]));
    let tenc = Tenc::new(&cenc).expect("reads");
    assert_eq!((tenc.pattern(), tenc.per_sample_iv_size()), ((0, 0), 8));
    assert_eq!(tenc.default_kid().as_slice(), kid);
    assert!(tenc.constant_iv().is_empty());
    let cbcs = body(&full(
        b"tenc",
        1,
        0,
        &[&[0, 0x19, 1, 0], &kid, &[2, 0xa, 0xb]],
    ));
    let tenc = Tenc::new(&cbcs).expect("reads");
    assert_eq!(tenc.pattern(), (1, 9));
    assert_eq!(tenc.constant_iv(), [0xa, 0xb]);
    assert!(Tenc::new(&cbcs[..cbcs.len() - 1]).is_none());
}

#[test]
fn brands_are_listed_with_their_places() {
    let mut bytes = body(&styp_box(&[b"msdh", b"lmsg"]));
    let mut styp = Styp::new(bytes.as_mut_slice()).expect("reads");
    assert_eq!(styp.major_brand(), code(b"msdh"));
    assert_eq!(styp.minor_version(), 0);
    let brands: Vec<_> = styp.compatible_brands().collect();
    assert_eq!(brands, [(8, code(b"msdh")), (12, code(b"lmsg"))]);
    styp.set_major_brand(code(b"msix"));
    assert_eq!(styp.major_brand(), code(b"msix"));
}

#[test]
fn nothing_is_read_from_too_little() {
    let whole = body(&boxed(b"none", &[0xff; 7]));
    for len in 0..whole.len() {
        let bytes = &whole[..len];
        assert!(Mfhd::new(bytes).is_none() && Tfdt::new(bytes).is_none());
        assert!(Tfhd::new(bytes).is_none() && Trun::new(bytes).is_none());
        assert!(Sidx::new(bytes).is_none() && Emsg::new(bytes).is_none());
        assert!(Prft::new(bytes).is_none() && Saio::new(bytes).is_none());
        assert!(Saiz::new(bytes).is_none() && Senc::new(bytes).is_none());
        assert!(Styp::new(bytes).is_none() && Tenc::new(bytes).is_none());
    }
}
