use super::{
    super::*,
    Bench, content,
    files::{Files, Manner},
};

const MIB: usize = 1 << 20;

#[test]
fn a_file_is_read_in_all_modes() {
    let bytes = content(3 * MIB + 1);
    for (active, extended) in [(false, true), (false, false), (true, true), (true, false)] {
        let mut bench = Bench::new();
        bench.options.ftp_active = active;
        let files = Files::start(Manner {
            extended,
            ..Manner::of(bytes.clone())
        });
        let fetched = bench.whole(&files.url("", "in/a%20film.ts"), &bytes);
        assert_eq!(fetched.transferred, bytes.len() as u64);
        assert!(fetched.path.ends_with("source.ts"));
        let asked = files.asked();
        assert!(asked.contains(&"RETR in/a film.ts".to_owned()), "{asked:?}");
        assert!(asked.contains(&"USER anonymous".to_owned()));
        // Asked again, it is still the same and not read again.
        let again = bench.whole(&files.url("", "in/a%20film.ts"), &bytes);
        assert_eq!(
            (again.transferred, again.content_id),
            (0, fetched.content_id)
        );
    }
}

#[test]
fn a_transfer_that_drops_goes_on() {
    let bytes = content(20 * MIB);
    for (rest, time) in [(true, true), (true, false), (false, true)] {
        let bench = Bench::new();
        let files = Files::start(Manner {
            cut: Some(8 * MIB),
            rest,
            modified: time.then(|| "20261120080000".to_owned()),
            ..Manner::of(bytes.clone())
        });
        let url = files.url("", "film");
        if !rest {
            let error = bench.fetch(&url).unwrap_err().to_string();
            assert!(error.contains("got 8388608 of 20971520 bytes"), "{error}");
            files.set(|manner| manner.cut = None);
        }
        let fetched = bench.whole(&url, &bytes);
        if rest {
            assert!(fetched.transferred - bytes.len() as u64 <= 2 * 65_536);
            let asked = files
                .asked()
                .iter()
                .filter(|line| line.starts_with("REST"))
                .count();
            assert_eq!(asked, 2);
        }
    }
}

#[test]
fn users_and_what_is_missing() {
    let bytes = content(1000);
    let files = Files::start(Manner {
        password: Some("p@ss".to_owned()),
        size: false,
        modified: None,
        ..Manner::of(bytes.clone())
    });
    let bench = Bench::new();
    let fetched = bench.whole(&files.url("user:p%40ss@", "film"), &bytes);
    assert_eq!(
        Some(fetched.content_id),
        fetched.sha256,
        "nothing else is known of it"
    );
    let error = Bench::new()
        .fetch(&files.url("user:wrong@", "film"))
        .unwrap_err();
    assert!(
        error.to_string().contains("530") && !error.may_pass(),
        "{error}"
    );
    let error = Bench::new()
        .fetch(&files.url("user:p%40ss@", "missing"))
        .unwrap_err();
    assert!(error.to_string().contains("550 no such file"), "{error}");
    // No command hides in a path.
    let error = Bench::new()
        .fetch(&files.url("", "film%0d%0aDELE film"))
        .unwrap_err();
    assert!(matches!(error, Error::Input { .. }), "{error}");

    let mut bench = Bench::new();
    bench.options.policy = Policy::guarded([Protocol::Ftp], [], Vec::new());
    let error = bench.fetch(&files.url("", "film")).unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error}");
}
