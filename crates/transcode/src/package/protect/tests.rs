//! What was encrypted is decrypted by ffmpeg, frame by frame the same.

use std::fs;

use super::*;
use crate::{
    encode::{self, Damage, Output},
    plan::{Plan, Rate, VideoCodec},
    testing::{CAPPED, audio, frames, join, make, plan, task, video},
};

const KEY: Key = Key {
    key: *b"0123456789abcdef",
    iv: *b"fedcba9876543210",
};

fn encryption(scheme: Scheme) -> Encryption {
    Encryption {
        scheme,
        key_id: "00112233-4455-6677-8899-aabbccddeeff".to_owned(),
        key_uri: "../key.bin".to_owned(),
    }
}

fn made(folder: &std::path::Path) -> (Plan, Vec<Output>) {
    make(
        folder,
        "-f lavfi -i testsrc2=size=320x180:rate=25:duration=2 \
         -f lavfi -i sine=sample_rate=48000:duration=2 -c:v libx264 -preset ultrafast \
         -pix_fmt yuv420p -c:a aac in.mp4",
    );
    let codecs = [VideoCodec::H264, VideoCodec::H265];
    let videos = codecs.map(|codec| video(&format!("{codec:?}"), (320, 180), codec, CAPPED));
    let mut plan = plan(Rate { num: 25, den: 1 }, 50, 10, videos.to_vec());
    plan.audios = vec![audio(&plan, 1, 48_000)];
    let source = folder.join("in.mp4");
    let pictures = task(&folder.join("v"), |context| {
        encode::run(context, &plan, &source, 0, Damage::Ends)
    });
    let sound = task(&folder.join("a"), |context| {
        crate::audio::run(context, &plan, &source, 0, Damage::Ends)
    });
    (plan, vec![pictures.unwrap(), sound.unwrap()])
}

#[test]
fn samples_come_back_with_the_key() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (_, outputs) = made(folder);
    let encryption = encryption(Scheme::Cbcs);
    for output in &outputs {
        for (number, track) in output.tracks.iter().enumerate() {
            let id = &track.id;
            join(
                std::slice::from_ref(output),
                number,
                &folder.join("clear.mp4"),
            );
            let init = fs::read(track.init.as_ref().unwrap()).unwrap();
            let protector = Protector::new(&encryption, &KEY, Some(&init)).unwrap();
            let mut all = protector.init(&init).unwrap();
            let read = init::read(&all).unwrap();
            let told = read.tracks[0].protection.as_ref().unwrap();
            assert_eq!(told.scheme, FourCc(*b"cbcs"));
            for segment in &track.segments {
                let clear = fs::read(&segment.path).unwrap();
                let mut facts = segment.facts.clone();
                let bytes = protector.segment(&clear, &mut facts).unwrap();
                assert_eq!(facts.bytes, bytes.len() as u64);
                assert_eq!(facts.keys.len(), segment.facts.keys.len());
                for key in &facts.keys {
                    let moof = &bytes[key.offset as usize..][4..8];
                    assert_eq!(moof, b"moof");
                }
                all.extend(bytes);
            }
            fs::write(folder.join("cbcs.mp4"), all).unwrap();
            let more = "-map 0";
            let clear = frames("clear.mp4", folder, more);
            let key = "30313233343536373839616263646566";
            // Fragment by fragment: older versions of ffmpeg take the last one's table for all when they
            // may look ahead.
            make(
                folder,
                &format!("-seekable 0 -decryption_key {key} -i cbcs.mp4 -map 0 -c copy open.mp4"),
            );
            let opened = frames("open.mp4", folder, more);
            let md5s = |list: &[(i64, String)]| -> Vec<String> {
                list.iter().map(|(_, md5)| md5.clone()).collect()
            };
            assert!(md5s(&opened) == md5s(&clear), "{id}: other frames");
            // The key is needed.
            make(folder, "-v quiet -i cbcs.mp4 -map 0 -c copy closed.mp4");
            let closed = std::panic::catch_unwind(|| frames("closed.mp4", folder, more));
            assert!(closed.map_or(true, |closed| md5s(&closed) != md5s(&clear)));
        }
    }
}

#[test]
fn whole_segments_come_back_with_the_key() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (mut plan, outputs) = made(folder);
    plan.encryption = Some(encryption(Scheme::Aes128));
    plan.videos.truncate(1);
    let of = plan.encryption.clone().unwrap();
    let root = folder.join("root");
    let mut tracks = Vec::new();
    for clear in crate::package::tests::parts(&outputs) {
        if clear.id == "H265" {
            continue;
        }
        fs::create_dir_all(root.join(&clear.id)).unwrap();
        let output = if clear.id == "a0" { "a" } else { "v" };
        let read = |name: &str| {
            let bytes = fs::read(folder.join(output).join(name)).unwrap();
            Ok::<Bytes, ProtectError>(bytes.into())
        };
        let write = |name: &str, bytes: &[u8]| {
            fs::write(root.join(name), bytes).unwrap();
            Ok(())
        };
        tracks.push(super::track(&of, &KEY, &clear, read, write).unwrap());
    }
    fs::write(root.join("key.bin"), KEY.key).unwrap();
    let files = crate::package::package(&plan, &tracks, crate::package::Extent::Whole).unwrap();
    assert!(!files.iter().any(|file| file.name == crate::package::MPD));
    for file in &files {
        fs::write(root.join(&file.name), &file.content).unwrap();
    }
    let playlist = fs::read_to_string(root.join("H264/playlist.m3u8")).unwrap();
    assert!(playlist.contains("#EXT-X-KEY:METHOD=AES-128,URI=\"../key.bin\"\n"));
    join(&outputs[..1], 0, &folder.join("clear.mp4"));
    make(
        folder,
        "-allowed_extensions ALL -i root/master.m3u8 -map 0:v -c copy opened.mp4",
    );
    let read = |input: &str| -> Vec<String> {
        let all = frames(input, folder, "");
        all.into_iter().map(|(_, md5)| md5).collect()
    };
    assert!(read("opened.mp4") == read("clear.mp4"));
}

#[test]
fn what_cannot_be_done_is_said() {
    let wrong = Encryption {
        key_id: "12".to_owned(),
        ..encryption(Scheme::Cbcs)
    };
    let error = Protector::new(&wrong, &KEY, None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "key id `12` is not 32 hexadecimal digits"
    );
    assert_eq!(format!("{KEY:?}"), "Key(***)");
    let hex = "30313233343536373839616263646566:66656463626139383736353433323130";
    assert_eq!(Key::parse(hex), Some(KEY));
    assert_eq!(Key::parse(&hex[..32]).unwrap().iv, [0; 16]);
    assert_eq!(Key::read(format!("{hex}\n").as_bytes()), Some(KEY));
    assert_eq!(Key::read(&KEY.key).unwrap().key, KEY.key);
    assert_eq!(Key::read(b"0123456789abcde"), None);
    assert_ne!(
        KEY.fingerprint(),
        Key::read(&KEY.key).unwrap().fingerprint()
    );
    assert!(wrong.check().is_err() && encryption(Scheme::Cbcs).check().is_ok());
    let unreachable = Encryption {
        key_uri: String::new(),
        ..encryption(Scheme::Aes128)
    };
    assert!(unreachable.check().is_err());
    for wrong in ["", "12", "zz313233343536373839616263646566", &hex[..40]] {
        assert_eq!(Key::parse(wrong), None, "{wrong}");
    }
    let told = descriptors(&encryption(Scheme::Cbcs));
    assert_eq!(
        told[0].attribute("cenc:default_KID"),
        Some("00112233-4455-6677-8899-aabbccddeeff")
    );
}
