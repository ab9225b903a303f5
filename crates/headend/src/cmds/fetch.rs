//! `headend __fetch URL`: an HTTP resource on stdout. Not for people: feeds that are pulled run it, so
//! that they are started, watched and ended as every other command is.

use std::{env, ffi::OsString, io::Write, path::PathBuf};

use anyhow::Context as _;

use crate::{exit::Exit, server::FETCH};

/// Does so if this process was started for it.
pub(crate) fn run_if_fetch(arguments: impl IntoIterator<Item = OsString>) -> Option<Exit> {
    let mut arguments = arguments.into_iter().skip(1);
    if arguments.next()? != FETCH {
        return None;
    }
    let address = arguments.next().and_then(|text| text.into_string().ok());
    let fetched = match address {
        Some(address) => fetch(&address),
        None => Err(anyhow::anyhow!("the address is missing")),
    };
    Some(match fetched {
        Ok(()) => Exit::Done,
        Err(error) => {
            // If stderr is closed there is nobody left to tell.
            let _ = writeln!(std::io::stderr(), "{error:#}");
            Exit::Unreadable
        }
    })
}

fn fetch(address: &str) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(async {
        let roots = env::var_os("SSL_CERT_FILE").map(PathBuf::from);
        let client = store::http::client(roots.as_deref())?;
        let answer = client.get(address).send().await;
        let described = |error| anyhow::anyhow!(store::http::describe(&error));
        let mut answer = answer.map_err(described)?;
        let status = answer.status();
        anyhow::ensure!(status.is_success(), "the answer is {status}");
        // Told only by a body that was meant to end. Any other is endless, and its end is the loss of it:
        // whoever keeps this running shall start it again.
        let is_finite = answer.content_length().is_some();
        let mut stdout = std::io::stdout().lock();
        while let Some(bytes) = answer.chunk().await.map_err(described)? {
            stdout.write_all(&bytes)?;
            stdout.flush()?;
        }
        anyhow::ensure!(is_finite, "the other side ended its answer");
        Ok(())
    })
}
