//! Content made with ffmpeg: small pictures (a test pattern with moving parts) and a tone, made once
//! a target folder and kept, in the layouts that packagers write.
//!
//! A loop lasts [`LOOP_SECONDS`], so that a wrap is reached soon.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{boxes, launch};

/// Duration of the video of every clip; the audio is up to a frame longer or shorter.
pub const LOOP_SECONDS: u64 = 8;

/// Changes whenever the commands below do, so that kept content is made anew.
const VERSION: &str = "3";

/// A layout of content on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clip {
    /// DASH with two video rates and audio, `SegmentTimeline` with `$Number%05d$`.
    DashTimeline,
    /// DASH with `$Number$` and `@duration`.
    DashNumber,
    /// DASH with one file a track and `SegmentList` with byte ranges.
    DashList,
    /// DASH with one file a track and `SegmentBase` with a `sidx`.
    DashBase,
    /// HLS with fragmented MP4 segments, two video rates and an audio group.
    HlsFiles,
    /// HLS with one file a rendition and byte ranges.
    HlsRanges,
    /// One Matroska file with H.264 and AAC.
    Plain,
}

impl Clip {
    /// Every clip that is a folder of segments, not a plain file.
    pub const FOLDERS: [Self; 6] = [
        Self::DashTimeline,
        Self::DashNumber,
        Self::DashList,
        Self::DashBase,
        Self::HlsFiles,
        Self::HlsRanges,
    ];

    /// Returns the name of the asset that the clip becomes in [`root`].
    pub fn name(self) -> &'static str {
        match self {
            Self::DashTimeline => "dash-timeline",
            Self::DashNumber => "dash-number",
            Self::DashList => "dash-list",
            Self::DashBase => "dash-base",
            Self::HlsFiles => "hls-files",
            Self::HlsRanges => "hls-ranges",
            Self::Plain => "plain",
        }
    }

    /// Returns the folder of the clip, or its file when it is a plain one.
    pub fn path(self) -> PathBuf {
        match self {
            Self::Plain => root().join("plain.mkv"),
            _ => root().join(self.name()),
        }
    }
}

/// Returns a folder that holds every clip. It is shared: copy what you want to change.
///
/// # Panics
/// When ffmpeg is missing or fails.
pub fn root() -> PathBuf {
    let kept = launch::profile_folder()
        .parent()
        .expect("target folder")
        .join(format!("clips-{VERSION}"));
    let done = kept.join("all");
    if done.is_dir() {
        return done;
    }
    fs::create_dir_all(&kept).expect("folder for clips");
    let lock = fs::File::create(kept.join("lock")).expect("lock file");
    lock.lock().expect("lock");
    if !done.is_dir() {
        let unfinished = kept.join("unfinished");
        // Left by a run that was interrupted.
        let _ = fs::remove_dir_all(&unfinished);
        fs::create_dir(&unfinished).expect("folder for clips");
        make_all(&unfinished);
        fs::rename(&unfinished, &done).expect("clips are moved into place");
    }
    done
}

/// Copies a folder with its files, not deeper folders' links.
///
/// # Panics
/// When something cannot be read or written.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("folder for a copy");
    for entry in fs::read_dir(from).expect("folder to copy") {
        let entry = entry.expect("entry to copy");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("type of an entry").is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("file is copied");
        }
    }
}

fn make_all(folder: &Path) {
    let input = format!(
        "-f lavfi -i testsrc2=size=320x180:rate=25:duration={LOOP_SECONDS} \
         -f lavfi -i sine=frequency=440:sample_rate=48000:duration={LOOP_SECONDS}"
    );
    let encode = "-c:v libx264 -preset ultrafast -profile:v main -pix_fmt yuv420p -g 50 -keyint_min 50 \
                  -sc_threshold 0 -bf 2 -c:a aac -b:a 64k -ac 2";
    ffmpeg(folder, &format!("{input} {encode} -b:v 200k plain.mkv"));
    let ladder =
        format!("-map 0:v -map 0:v -map 1:a {encode} -b:v:0 200k -b:v:1 80k -s:v:1 160x90");
    for (clip, output) in [
        (
            Clip::DashTimeline,
            "-f dash -seg_duration 2 -use_timeline 1 -use_template 1 \
             -adaptation_sets id=0,streams=v\\ id=1,streams=a manifest.mpd",
        ),
        (
            Clip::DashNumber,
            "-f dash -seg_duration 2 -use_timeline 0 -use_template 1 \
             -adaptation_sets id=0,streams=v\\ id=1,streams=a stream.mpd",
        ),
        (
            Clip::DashList,
            "-f dash -seg_duration 2 -use_timeline 0 -use_template 0 -single_file 1 \
             -adaptation_sets id=0,streams=v\\ id=1,streams=a list.mpd",
        ),
        (
            Clip::HlsFiles,
            "-f hls -hls_time 2 -hls_segment_type fmp4 -hls_playlist_type vod \
             -master_pl_name master.m3u8 -hls_fmp4_init_filename init_%v.mp4 \
             -hls_segment_filename seg_%v_%d.m4s \
             -var_stream_map v:0,agroup:sound\\ v:1,agroup:sound\\ a:0,agroup:sound,default:yes \
             media_%v.m3u8",
        ),
        (
            Clip::HlsRanges,
            "-f hls -hls_time 2 -hls_segment_type fmp4 -hls_playlist_type vod -hls_flags single_file \
             -master_pl_name index.m3u8 \
             -var_stream_map v:0,agroup:sound\\ v:1,agroup:sound\\ a:0,agroup:sound,default:yes \
             media_%v.m3u8",
        ),
    ] {
        let inside = folder.join(clip.name());
        fs::create_dir(&inside).expect("folder of a clip");
        ffmpeg(&inside, &format!("{input} {ladder} {output}"));
    }
    // Not from the Matroska file, whose milliseconds would make the audio frames uneven.
    let source = folder.join("source.mp4");
    ffmpeg(folder, &format!("{input} {encode} -b:v 200k source.mp4"));
    make_segment_base(&source, &folder.join(Clip::DashBase.name()), 1);
    fs::remove_file(source).expect("source is removed");
}

/// Makes one indexed file a track, and the MPD over them, which ffmpeg does not write: `source`
/// repeated `loops` times.
///
/// # Panics
/// When something cannot be made.
pub fn make_segment_base(source: &Path, folder: &Path, loops: u64) {
    fs::create_dir(folder).expect("folder of a clip");
    let mut sets = String::new();
    for (track, map, set, representation) in [
        (
            "video",
            "0:v",
            r#"contentType="video" startWithSAP="1""#,
            r#"mimeType="video/mp4" codecs="avc1.4d400d" width="320" height="180" frameRate="25" bandwidth="250000""#,
        ),
        (
            "audio",
            "0:a",
            r#"contentType="audio" lang="en""#,
            r#"mimeType="audio/mp4" codecs="mp4a.40.2" audioSamplingRate="48000" bandwidth="64000""#,
        ),
    ] {
        ffmpeg(
            folder,
            &format!(
                "-stream_loop {} -i {} -map {map} -c copy -f mp4 -frag_duration 2000000 \
                 -movflags +dash+frag_keyframe+global_sidx+default_base_moof+skip_trailer {track}.mp4",
                loops - 1,
                source.display()
            ),
        );
        let bytes = fs::read(folder.join(format!("{track}.mp4"))).expect("file of a track");
        let (init_end, index_end) = index_range(&bytes);
        sets.push_str(&format!(
            "<AdaptationSet {set}><Representation id=\"{track}\" {representation}><BaseURL>{track}.mp4</BaseURL>\
             <SegmentBase indexRange=\"{init_end}-{}\"><Initialization range=\"0-{}\"/></SegmentBase>\
             </Representation></AdaptationSet>\n",
            index_end - 1,
            init_end - 1,
        ));
    }
    let mpd = format!(
        "<?xml version=\"1.0\"?>\n<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"static\" \
         profiles=\"urn:mpeg:dash:profile:isoff-on-demand:2011\" minBufferTime=\"PT2S\" \
         mediaPresentationDuration=\"PT{}S\">\n<Period>\n{sets}</Period>\n</MPD>\n",
        LOOP_SECONDS * loops
    );
    fs::write(folder.join("ondemand.mpd"), mpd).expect("MPD is written");
}

/// Returns where `moov` ends and where the `sidx` behind it ends.
fn index_range(bytes: &[u8]) -> (usize, usize) {
    let mut offset = 0;
    let mut init_end = 0;
    for (kind, payload) in boxes::boxes(bytes) {
        offset += 8 + payload.len();
        match kind {
            b"moov" => init_end = offset,
            b"sidx" => return (init_end, offset),
            _ => {}
        }
    }
    panic!("no sidx in a file made with global_sidx");
}

/// Runs ffmpeg in `folder`; spaces part the arguments unless a backslash is before them.
///
/// # Panics
/// When it is missing or fails.
pub fn ffmpeg(folder: &Path, arguments: &str) {
    let arguments = arguments.replace("\\ ", "\u{1}");
    let mut command = launch::command("ffmpeg");
    command
        .args(["-hide_banner", "-loglevel", "error", "-nostdin", "-y"])
        .args(["-fflags", "+bitexact", "-threads", "2"])
        .args(
            arguments
                .split_ascii_whitespace()
                .map(|argument| argument.replace('\u{1}', " ")),
        )
        .current_dir(folder);
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("cannot run ffmpeg ({error}): run scripts/setup.sh"));
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_layout_is_what_its_name_says() {
        let read = |clip: Clip, file: &str| fs::read_to_string(clip.path().join(file)).unwrap();
        assert!(read(Clip::DashTimeline, "manifest.mpd").contains("<SegmentTimeline>"));
        assert!(!read(Clip::DashNumber, "stream.mpd").contains("<SegmentTimeline>"));
        assert!(read(Clip::DashList, "list.mpd").contains("<SegmentList"));
        assert!(read(Clip::DashBase, "ondemand.mpd").contains("indexRange"));
        assert!(read(Clip::HlsFiles, "master.m3u8").contains("#EXT-X-MEDIA:TYPE=AUDIO"));
        assert!(read(Clip::HlsRanges, "media_0.m3u8").contains("#EXT-X-BYTERANGE"));
        assert!(Clip::Plain.path().is_file());
    }
}
