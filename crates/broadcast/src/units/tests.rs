use std::{fmt, str::FromStr, time::Duration};

use media::time::Time;
use proptest::prelude::*;

use super::*;

fn stable<T: FromStr<Err = String> + fmt::Display + PartialEq + fmt::Debug>(text: &str) -> String {
    let value: T = text.parse().unwrap();
    let written = value.to_string();
    assert_eq!(written.parse::<T>().unwrap(), value, "{text}");
    written
}

#[test]
fn texts_are_read_exactly_and_written_in_one_way() {
    for (text, written) in [
        ("2", "2s"),
        ("0.501", "0.501s"),
        ("500ms", "0.5s"),
        ("1.5m", "90s"),
        ("1h", "3600s"),
        ("250 us", "0.00025s"),
    ] {
        assert_eq!(stable::<Seconds>(text), written);
    }
    assert_eq!(stable::<Millis>("200"), "200ms");
    assert_eq!(stable::<Millis>("0.12s"), "120ms");
    for (text, written) in [
        ("4.5M", "4.5M"),
        ("800k", "800k"),
        ("1500500", "1500.5k"),
        ("7", "7"),
    ] {
        assert_eq!(stable::<BitRate>(text), written);
    }
    assert_eq!(stable::<Bytes>("8MiB"), "8MiB");
    assert_eq!(stable::<Bytes>("1.5k"), "1536");
    assert_eq!(stable::<Bytes>("1000"), "1000");
    assert_eq!(stable::<Size>("1280x720"), "1280x720");
    for (text, written) in [
        ("30", "30"),
        ("29.97", "30000/1001"),
        ("23.976", "24000/1001"),
        ("60000/1001", "60000/1001"),
        ("12.5", "25/2"),
        ("50/2", "25"),
    ] {
        assert_eq!(stable::<Rate>(text), written);
    }
    assert_eq!(stable::<Percent>("10"), "10%");
}

#[test]
fn wrong_texts_are_refused() {
    for text in [
        "",
        "s",
        "-1",
        "1.2.3",
        "5 parsecs",
        "1e3",
        "99999999999999999999",
        "0.0000000001",
    ] {
        assert!(text.parse::<Seconds>().is_err(), "{text}");
    }
    for text in ["", "720p", "0x10", "10x", "20000x10"] {
        assert!(text.parse::<Size>().is_err(), "{text}");
    }
    for text in ["0", "1/0", "0.5", "500", "fast", "1/2/3"] {
        assert!(text.parse::<Rate>().is_err(), "{text}");
    }
    assert!("1.5".parse::<BitRate>().is_err());
    assert!("8 MiX".parse::<Bytes>().is_err());
    assert!("5.5%".parse::<Percent>().is_err());
}

#[test]
fn numbers_of_documents_keep_their_decimals() {
    let read = |json| serde_json::from_str::<Seconds>(json).unwrap();
    assert_eq!(read("0.501").0, Duration::from_millis(501));
    assert_eq!(read("0.1").0 * 3, Duration::from_millis(300));
    assert_eq!(read("2").0, Duration::from_secs(2));
    assert_eq!(read("\"2s\"").time(), Time::from_secs(2));
}

#[test]
fn frames_and_time_agree() {
    let rate: Rate = "29.97".parse().unwrap();
    assert_eq!(rate.frames_in(Time::from_secs(1)), 30);
    assert_eq!(rate.time_of(30), Time::from_ms(1001));
    assert_eq!(rate.every(2).to_string(), "15000/1001");
    assert_eq!(Rate::whole(30).frames_in(Time::ZERO), 1);
    assert!(Rate::television(30) < Rate::whole(30));
}

proptest! {
    #[test]
    fn any_text_is_survived(text in ".{0,24}") {
        let _ = text.parse::<Seconds>();
        let _ = text.parse::<Millis>();
        let _ = text.parse::<BitRate>();
        let _ = text.parse::<Bytes>();
        let _ = text.parse::<Size>();
        let _ = text.parse::<Rate>();
        let _ = text.parse::<Percent>();
    }

    #[test]
    fn spans_come_back(nanos in 0_u64..1_000_000_000_000_000) {
        let span = Seconds(Duration::from_nanos(nanos));
        prop_assert_eq!(span.to_string().parse::<Seconds>().unwrap(), span);
    }
}
