//! Reads the clock that the test source draws into its pictures, `HH:MM:SS.mmm` in digits of equal
//! width: each place is compared with the ten digits as ffmpeg draws them.

use std::{fs, io::Write, process::Stdio};

use harness::launch;

use super::follow::Part;

/// The strip of a 720p picture that the clock is in: width, height, left, top.
const STRIP: (usize, usize, usize, usize) = (1000, 64, 140, 518);
/// Where the digits of `HH:MM:SS.mmm` are, and how many characters that is with the space behind it.
const PLACES: [usize; 9] = [0, 1, 3, 4, 6, 7, 9, 10, 11];
const CLOCK: usize = 13;
/// The drawn text is off its nominal place by rounding.
const WOBBLE: i64 = 3;
const DAY_MS: f64 = 86_400_000.0;

/// Returns when the last frame of each part was made, ms since 1970; nothing for a part whose clock
/// cannot be read, and nothing at all where no clock is drawn.
pub(super) fn clocks(parts: &[Part]) -> Option<Vec<Option<f64>>> {
    let digits = Digits::draw()?;
    let folder = tempfile::tempdir().expect("temporary folder");
    let path = folder.path().join("media.mp4");
    let mut file = fs::File::create(&path).expect("file");
    let init = &parts.first()?.init;
    file.write_all(init).expect("file");
    let mut last = Vec::new();
    let mut frames = 0;
    for part in parts {
        file.write_all(&part.bytes).expect("file");
        frames += part.frames;
        last.push(frames - 1);
    }
    let (width, height, left, top) = STRIP;
    let filter = format!("crop={width}:{height}:{left}:{top}");
    let path = path.to_string_lossy().into_owned();
    let strips = ffmpeg(&["-i", &path, "-vf", &filter]);
    let strips: Vec<&[u8]> = strips.chunks_exact(width * height).collect();
    if strips.len() as u64 != frames {
        // Pictures before the first key frame are not decoded; then nobody can say which are which.
        return None;
    }
    let strips: Vec<&[u8]> = last.iter().map(|frame| strips[*frame as usize]).collect();
    let read = |(strip, part): (&&[u8], &Part)| {
        let of_day = digits.read(strip)?;
        let days = (part.made / DAY_MS).floor();
        let around = [-1.0, 0.0, 1.0].map(|day| (days + day) * DAY_MS + of_day);
        around
            .into_iter()
            .min_by(|a, b| f64::total_cmp(&(a - part.made).abs(), &(b - part.made).abs()))
    };
    Some(strips.iter().zip(parts).map(read).collect())
}

/// The ten digits.
struct Digits {
    /// Width of a character, with the space around it.
    width: usize,
    /// Rows of the digits after each other.
    strip: Vec<u8>,
}

impl Digits {
    /// Draws them as the test source would.
    fn draw() -> Option<Self> {
        let font = font()?;
        let (width, height, _, top) = STRIP;
        let filter = format!(
            "drawtext=fontfile={font}:fontsize=h/10:fontcolor=white:box=1:boxcolor=black:\
             x=0:y=h*0.72:text=0123456789,crop={width}:{height}:0:{top}"
        );
        let source = "color=gray:size=1280x720,format=yuv420p";
        let strip = ffmpeg(&[
            "-f",
            "lavfi",
            "-i",
            source,
            "-vf",
            &filter,
            "-frames:v",
            "1",
        ]);
        // The box ends where the grey begins; the middle row is within it.
        let row = strip.get(width * height / 2..width * (height / 2 + 1))?;
        let grey = *row.last()?;
        let end = row.iter().rposition(|pixel| pixel.abs_diff(grey) > 40)? + 1;
        Some(Self {
            width: end.div_ceil(10),
            strip,
        })
    }

    /// Reads a strip: ms since midnight.
    fn read(&self, strip: &[u8]) -> Option<f64> {
        let (width, _, left, _) = STRIP;
        let tries = (1..=6).flat_map(|count| {
            let drawn = (CLOCK + count) * self.width;
            let start = 640 - left - drawn / 2;
            (-WOBBLE..=WOBBLE).filter_map(move |off| start.checked_add_signed(off as isize))
        });
        let best = tries
            .filter(|start| start + CLOCK * self.width <= width)
            .map(|start| self.compare(strip, start))
            .min_by_key(|(cost, _)| *cost);
        let (cost, digits) = best?;
        // A mean difference that wrong digits exceed by far.
        if cost / (PLACES.len() * self.width * STRIP.1) as u64 > 1200 {
            return None;
        }
        let two = |at: usize| f64::from(digits[at] * 10 + digits[at + 1]);
        let ms = digits[6] * 100 + digits[7] * 10 + digits[8];
        Some(((two(0) * 60.0 + two(2)) * 60.0 + two(4)) * 1000.0 + f64::from(ms))
    }

    /// Returns the best digits for a clock that begins at a column, and how far off they are.
    fn compare(&self, strip: &[u8], start: usize) -> (u64, [u32; 9]) {
        let mut cost = 0;
        let digits = PLACES.map(|place| {
            let best = (0..10)
                .map(|digit| {
                    (
                        self.distance(strip, start + place * self.width, digit),
                        digit,
                    )
                })
                .min();
            let (off, digit) = best.expect("ten digits");
            cost += off;
            digit as u32
        });
        (cost, digits)
    }

    /// Sum of squares between a place of a strip and a digit.
    fn distance(&self, strip: &[u8], column: usize, digit: usize) -> u64 {
        let (width, height, ..) = STRIP;
        let rows = (0..height).map(|row| row * width);
        rows.flat_map(|row| (0..self.width).map(move |x| (row + column + x, x, row)))
            .map(|(at, x, row)| {
                let ours = self.strip[row + digit * self.width + x];
                u64::from(strip[at].abs_diff(ours)).pow(2)
            })
            .sum()
    }
}

/// Finds the font in the command that headend would run.
fn font() -> Option<String> {
    let dry = launch::headend([
        "broadcast",
        "--input",
        "testsrc",
        "--dry-run",
        "--format",
        "argv",
    ])
    .run();
    let text = String::from_utf8_lossy(&dry.stdout).into_owned();
    let (_, rest) = text.split_once("fontfile=")?;
    Some(rest.split(':').next()?.to_owned())
}

/// Runs ffmpeg and returns grey pictures.
fn ffmpeg(arguments: &[&str]) -> Vec<u8> {
    let output = launch::command("ffmpeg")
        .args(["-hide_banner", "-loglevel", "error", "-nostdin"])
        .args(arguments)
        .args(["-fps_mode", "passthrough", "-pix_fmt", "gray"])
        .args(["-f", "rawvideo", "-"])
        .stderr(Stdio::inherit())
        .output()
        .expect("ffmpeg");
    assert!(output.status.success(), "ffmpeg reads what was fetched");
    output.stdout
}
