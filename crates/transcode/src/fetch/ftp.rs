//! FTP (RFC 959) as far as one file is read: binary, from an offset on, over IPv4 and IPv6.
//!
//! Written here since it is a few commands, and every address that is connected to has to pass the
//! guard: the server's word for where the data come from is not taken, only its port. What it says
//! of length (SIZE) and time (MDTM, RFC 3659) is what a broken download is held against; REST makes
//! it go on where it broke. No TLS.

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{IpAddr, SocketAddr, TcpListener, TcpStream},
    time::{Duration, Instant},
};

use store::guard::Refused;
use url::Url;

use super::{
    Error, Identity, Options, Policy,
    input::decode,
    remote::{Fault, Receiver, Remote},
};

/// Bytes that are read at one time.
const PIECE: usize = 128 << 10;
/// How often a stop is looked for while nothing arrives.
const TICK: Duration = Duration::from_millis(100);
/// Bytes that are read again where the server does not say when the file was changed.
const OVERLAP: u64 = 64 << 10;
/// Longest reply that is read, in bytes.
const MAX_REPLY: u64 = 64 << 10;

/// A file on a server.
pub(super) struct Ftp {
    host: String,
    port: u16,
    user: String,
    password: String,
    path: String,
    active: bool,
    connect_timeout: Duration,
    read_timeout: Duration,
    policy: Policy,
    place: String,
}

impl Ftp {
    pub(super) fn new(url: &Url, options: &Options) -> Result<Self, Error> {
        let place = process::mask::text(url.as_str());
        let wrong = |reason: &str| Error::Input {
            place: place.clone(),
            reason: reason.to_owned(),
        };
        // What is sent is a line: no part of it may end the line (RFC 3986, 2.1).
        let part = |text: &str| decode(text).filter(|text| !text.contains(['\r', '\n', '\0']));
        let path = url.path().trim_start_matches('/');
        let path = path.split_once(";type=").map_or(path, |(path, _)| path);
        let path = part(path).ok_or_else(|| wrong("the path cannot be sent"))?;
        let user = part(url.username()).ok_or_else(|| wrong("the user cannot be sent"))?;
        let password = part(url.password().unwrap_or_default())
            .ok_or_else(|| wrong("the password cannot be sent"))?;
        let (user, password) = if user.is_empty() {
            ("anonymous".to_owned(), "anonymous@".to_owned())
        } else {
            (user, password)
        };
        Ok(Self {
            host: url.host_str().unwrap_or_default().to_owned(),
            port: url.port().unwrap_or(21),
            user,
            password,
            path,
            active: options.ftp_active,
            connect_timeout: options.connect_timeout,
            read_timeout: options.read_timeout,
            policy: options.policy.clone(),
            place,
        })
    }

    fn unreadable(&self, reason: String) -> Fault {
        Fault::Final(Error::Unreadable {
            place: self.place.clone(),
            reason,
        })
    }

    /// Connects and logs in.
    fn login(&self, into: &dyn Receiver) -> Result<Control, Fault> {
        let addresses = self
            .policy
            .guard
            .resolve(&self.host, self.port)
            .map_err(|refused| match refused {
                Refused::Private { .. } => Fault::Final(Error::Refused {
                    place: self.place.clone(),
                    reason: refused.to_string(),
                }),
                Refused::Unknown { .. } => Fault::passing(refused.to_string()),
            })?;
        let mut failed = Fault::passing("it has no address");
        for address in addresses {
            let stream = match TcpStream::connect_timeout(&address, self.connect_timeout) {
                Ok(stream) => stream,
                Err(error) => {
                    failed = Fault::passing(error.to_string());
                    continue;
                }
            };
            let mut control = Control::new(stream, self.read_timeout)?;
            self.expect(control.reply(into)?, &[220])?;
            let asked = control.ask(&format!("USER {}", self.user), into)?;
            if asked.code == 331 {
                let reply = control.ask(&format!("PASS {}", self.password), into)?;
                self.expect(reply, &[230, 202])?;
            } else {
                self.expect(asked, &[230])?;
            }
            self.expect(control.ask("TYPE I", into)?, &[200])?;
            return Ok(control);
        }
        Err(failed)
    }

    /// Takes a reply for an error unless it has one of these codes. The codes of 4xx and 421 are
    /// passing (RFC 959, 4.2.1).
    fn expect(&self, reply: Reply, codes: &[u16]) -> Result<Reply, Fault> {
        if codes.contains(&reply.code) {
            return Ok(reply);
        }
        let reason = format!("the server says {} {}", reply.code, reply.text);
        if (400..500).contains(&reply.code) {
            Err(Fault::passing(reason))
        } else {
            Err(self.unreadable(reason))
        }
    }

    fn look(&self, control: &mut Control, into: &dyn Receiver) -> Result<Identity, Fault> {
        let size = control.ask(&format!("SIZE {}", self.path), into)?;
        let bytes = match size.code {
            213 => size.text.trim().parse().ok(),
            // 550: there is no such file, or SIZE is not for it; RETR will say.
            _ => None,
        };
        let time = control.ask(&format!("MDTM {}", self.path), into)?;
        let modified = (time.code == 213).then(|| time.text.trim().to_owned());
        Ok(Identity {
            bytes,
            tag: None,
            modified,
        })
    }

    /// Prepares a data connection.
    fn prepare(&self, control: &mut Control, into: &dyn Receiver) -> Result<Data, Fault> {
        if self.active {
            return self.prepare_active(control, into);
        }
        let extended = control.ask("EPSV", into)?;
        let port = if extended.code == 229 {
            port_of_epsv(&extended.text)
        } else {
            let passive = self.expect(control.ask("PASV", into)?, &[227])?;
            port_of_pasv(&passive.text)
        };
        let port = port.ok_or_else(|| Fault::passing("no port for data in the server's reply"))?;
        let address = SocketAddr::new(control.peer, port);
        let stream = TcpStream::connect_timeout(&address, self.connect_timeout).map_err(passing)?;
        Ok(Data::Connected(stream))
    }

    fn prepare_active(&self, control: &mut Control, into: &dyn Receiver) -> Result<Data, Fault> {
        let listener = TcpListener::bind((control.own, 0)).map_err(passing)?;
        let port = listener.local_addr().map_err(passing)?.port();
        let family = if control.own.is_ipv4() { 1 } else { 2 };
        let command = format!("EPRT |{family}|{}|{port}|", control.own);
        let reply = control.ask(&command, into)?;
        match (reply.code, control.own) {
            (200, _) => {}
            (_, IpAddr::V4(own)) => {
                let [a, b, c, d] = own.octets();
                let [high, low] = port.to_be_bytes();
                let command = format!("PORT {a},{b},{c},{d},{high},{low}");
                self.expect(control.ask(&command, into)?, &[200])?;
            }
            (_, IpAddr::V6(_)) => {
                self.expect(reply, &[200])?;
            }
        }
        Ok(Data::Expected(listener))
    }
}

impl Remote for Ftp {
    fn identify(&mut self, into: &mut dyn Receiver) -> Result<Identity, Fault> {
        let mut control = self.login(into)?;
        self.look(&mut control, into)
    }

    fn read(
        &mut self,
        from: u64,
        known: Option<&Identity>,
        into: &mut dyn Receiver,
    ) -> Result<(), Fault> {
        let mut control = self.login(into)?;
        let now = self.look(&mut control, into)?;
        let same = known.is_none_or(|known| known.agrees_with(&now));
        let mut from = match &now.modified {
            _ if !same => 0,
            Some(_) => from,
            None => from.saturating_sub(OVERLAP),
        };
        if same && from > 0 && now.bytes == Some(from) {
            return into.begin(now, from);
        }
        let data = self.prepare(&mut control, into)?;
        if from > 0 {
            let reply = control.ask(&format!("REST {from}"), into)?;
            if reply.code != 350 {
                from = 0;
            }
        }
        let reply = control.ask(&format!("RETR {}", self.path), into)?;
        self.expect(reply, &[125, 150])?;
        let expected = now.bytes;
        into.begin(now, from)?;
        let stream = data.open(self.read_timeout, control.peer, into)?;
        let got = receive(stream, self.read_timeout, into)?;
        if expected.is_some_and(|expected| from + got >= expected) {
            return Ok(());
        }
        // The end of the connection is the end of the file only if the server says so.
        let reply = control.reply(into)?;
        self.expect(reply, &[226, 250])?;
        match expected {
            Some(_) => Err(Fault::passing("the connection for data ended")),
            None => Ok(()),
        }
    }
}

/// The connection for data.
enum Data {
    Connected(TcpStream),
    Expected(TcpListener),
}

impl Data {
    /// Returns the stream; waits for the server where it is the one that connects.
    fn open(
        self,
        timeout: Duration,
        peer: IpAddr,
        into: &dyn Receiver,
    ) -> Result<TcpStream, Fault> {
        let listener = match self {
            Self::Connected(stream) => return Ok(stream),
            Self::Expected(listener) => listener,
        };
        listener.set_nonblocking(true).map_err(passing)?;
        let began = Instant::now();
        loop {
            match listener.accept() {
                Ok((stream, from)) if from.ip() == peer => {
                    stream.set_nonblocking(false).map_err(passing)?;
                    return Ok(stream);
                }
                // Somebody else.
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    wait_on(began, timeout, into)?;
                    std::thread::sleep(TICK);
                }
                Err(error) => return Err(passing(error)),
            }
        }
    }
}

/// Reads all of a data connection; returns how many bytes there were.
fn receive(
    mut stream: TcpStream,
    timeout: Duration,
    into: &mut dyn Receiver,
) -> Result<u64, Fault> {
    stream.set_read_timeout(Some(TICK)).map_err(passing)?;
    let mut piece = vec![0; PIECE];
    let mut got = 0;
    let mut last = Instant::now();
    loop {
        match stream.read(&mut piece) {
            Ok(0) => return Ok(got),
            Ok(read) => {
                into.piece(&piece[..read])?;
                got += read as u64;
                last = Instant::now();
            }
            Err(error) if is_idle(&error) => wait_on(last, timeout, into)?,
            Err(error) => return Err(passing(error)),
        }
    }
}

/// The connection for commands.
struct Control {
    stream: BufReader<TcpStream>,
    /// Address of the server, where data come from too.
    peer: IpAddr,
    /// Our own address towards it.
    own: IpAddr,
    timeout: Duration,
}

/// What the server says.
struct Reply {
    code: u16,
    text: String,
}

impl Control {
    fn new(stream: TcpStream, timeout: Duration) -> Result<Self, Fault> {
        stream.set_read_timeout(Some(TICK)).map_err(passing)?;
        stream.set_write_timeout(Some(timeout)).map_err(passing)?;
        Ok(Self {
            peer: stream.peer_addr().map_err(passing)?.ip(),
            own: stream.local_addr().map_err(passing)?.ip(),
            stream: BufReader::new(stream),
            timeout,
        })
    }

    fn ask(&mut self, command: &str, into: &dyn Receiver) -> Result<Reply, Fault> {
        let line = format!("{command}\r\n");
        self.stream
            .get_mut()
            .write_all(line.as_bytes())
            .map_err(passing)?;
        self.reply(into)
    }

    /// Reads a reply, which ends with the line that has a blank behind its code.
    fn reply(&mut self, into: &dyn Receiver) -> Result<Reply, Fault> {
        let mut rest = MAX_REPLY;
        loop {
            let line = self.line(&mut rest, into)?;
            let code = line.get(..3).and_then(|code| code.parse().ok());
            if let (Some(code), Some(b' ') | None) = (code, line.as_bytes().get(3)) {
                return Ok(Reply {
                    code,
                    text: line.get(4..).unwrap_or_default().to_owned(),
                });
            }
        }
    }

    fn line(&mut self, rest: &mut u64, into: &dyn Receiver) -> Result<String, Fault> {
        let began = Instant::now();
        let mut line = Vec::new();
        loop {
            // A timeout leaves in `line` what has come.
            let mut limited = io::Read::by_ref(&mut self.stream).take(*rest);
            let before = line.len();
            let read = limited.read_until(b'\n', &mut line);
            *rest -= (line.len() - before) as u64;
            match read {
                Ok(_) if line.ends_with(b"\n") => {
                    let text = String::from_utf8_lossy(&line);
                    return Ok(text.trim_end_matches(['\r', '\n']).to_owned());
                }
                Ok(_) if *rest == 0 => {
                    return Err(Fault::passing("the server's reply has no end"));
                }
                Ok(_) => return Err(Fault::passing("the server closed the connection")),
                Err(error) if is_idle(&error) => wait_on(began, self.timeout, into)?,
                Err(error) => return Err(passing(error)),
            }
        }
    }
}

/// Ends the waiting when it is stopped or too long.
fn wait_on(since: Instant, timeout: Duration, into: &dyn Receiver) -> Result<(), Fault> {
    if into.is_stopped() {
        return Err(Error::Stopped.into());
    }
    if since.elapsed() > timeout {
        let seconds = timeout.as_secs();
        return Err(Fault::passing(format!("nothing arrived for {seconds} s")));
    }
    Ok(())
}

fn is_idle(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted
    )
}

fn passing(error: io::Error) -> Fault {
    Fault::passing(error.to_string())
}

/// Reads `Entering Extended Passive Mode (|||6446|)` (RFC 2428, 3).
fn port_of_epsv(text: &str) -> Option<u16> {
    let (_, inner) = text.split_once("(|||")?;
    let (port, _) = inner.split_once('|')?;
    port.parse().ok()
}

/// Reads `Entering Passive Mode (h1,h2,h3,h4,p1,p2)`; some servers leave out the brackets.
fn port_of_pasv(text: &str) -> Option<u16> {
    let first = text.find(|c: char| c.is_ascii_digit())?;
    let mut numbers = text[first..].split(|c: char| !c.is_ascii_digit());
    let mut number = || numbers.next()?.parse::<u8>().ok();
    for _ in 0..4 {
        number()?;
    }
    Some(u16::from_be_bytes([number()?, number()?]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_read_out_of_replies() {
        for (text, port) in [
            ("Entering Extended Passive Mode (|||6446|)", Some(6446)),
            ("ok (|||x|)", None),
            ("(|||99999|)", None),
            ("", None),
        ] {
            assert_eq!(port_of_epsv(text), port, "{text}");
        }
        for (text, port) in [
            ("Entering Passive Mode (127,0,0,1,25,46)", Some(6446)),
            ("Entering Passive Mode 127,0,0,1,25,46.", Some(6446)),
            ("(127,0,0,1,25)", None),
            ("(127,0,0,1,256,1)", None),
            ("none", None),
        ] {
            assert_eq!(port_of_pasv(text), port, "{text}");
        }
    }
}
