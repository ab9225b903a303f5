//! A server of FTP with one file, that misbehaves on request.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{IpAddr, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

/// What it has and what it can.
#[derive(Clone)]
pub(super) struct Manner {
    pub(super) bytes: Vec<u8>,
    pub(super) modified: Option<String>,
    pub(super) size: bool,
    pub(super) rest: bool,
    /// Extended passive mode.
    pub(super) extended: bool,
    /// Each transfer is cut off after so many bytes.
    pub(super) cut: Option<usize>,
    pub(super) password: Option<String>,
}

impl Manner {
    pub(super) fn of(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            modified: Some("20261120080000".to_owned()),
            size: true,
            rest: true,
            extended: true,
            cut: None,
            password: None,
        }
    }
}

/// A running server. Its thread ends with the process.
pub(super) struct Files {
    pub(super) address: SocketAddr,
    manner: Arc<Mutex<Manner>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Files {
    pub(super) fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let files = Self {
            address: listener.local_addr().unwrap(),
            manner: Arc::new(Mutex::new(manner)),
            asked: Arc::default(),
        };
        let (manner, asked) = (Arc::clone(&files.manner), Arc::clone(&files.asked));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let manner = manner.lock().unwrap().clone();
                let asked = Arc::clone(&asked);
                thread::spawn(move || {
                    // A client that goes away is no failure.
                    let _ = serve(&stream, &manner, &asked);
                });
            }
        });
        files
    }

    pub(super) fn url(&self, user: &str, path: &str) -> String {
        format!("ftp://{user}{}/{path}", self.address)
    }

    pub(super) fn set(&self, change: impl FnOnce(&mut Manner)) {
        change(&mut self.manner.lock().unwrap());
    }

    /// Commands so far.
    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

enum Data {
    Listening(TcpListener),
    At(SocketAddr),
}

fn serve(
    mut stream: &TcpStream,
    manner: &Manner,
    asked: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut data = None;
    let mut from = 0;
    write!(stream, "220-Welcome\r\n220-to 220 things\r\n220 ready\r\n")?;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let line = line.trim_end().to_owned();
        asked.lock().unwrap().push(line.clone());
        let (command, rest) = line.split_once(' ').unwrap_or((&line, ""));
        match command {
            "USER" => write!(stream, "331 password please\r\n")?,
            "PASS"
                if manner
                    .password
                    .as_deref()
                    .is_some_and(|known| known != rest) =>
            {
                write!(stream, "530 no\r\n")?;
            }
            "PASS" => write!(stream, "230 in\r\n")?,
            "TYPE" => write!(stream, "200 binary\r\n")?,
            "SIZE" if manner.size => write!(stream, "213 {}\r\n", manner.bytes.len())?,
            "MDTM" if manner.modified.is_some() => {
                write!(
                    stream,
                    "213 {}\r\n",
                    manner.modified.clone().unwrap_or_default()
                )?;
            }
            "EPSV" if manner.extended => {
                let listener = TcpListener::bind("127.0.0.1:0")?;
                let port = listener.local_addr()?.port();
                write!(
                    stream,
                    "229 Entering Extended Passive Mode (|||{port}|)\r\n"
                )?;
                data = Some(Data::Listening(listener));
            }
            "PASV" => {
                let listener = TcpListener::bind("127.0.0.1:0")?;
                let [high, low] = listener.local_addr()?.port().to_be_bytes();
                // The address is a lie, as it is behind translators of addresses.
                write!(
                    stream,
                    "227 Entering Passive Mode (10,9,8,7,{high},{low})\r\n"
                )?;
                data = Some(Data::Listening(listener));
            }
            "EPRT" if manner.extended => {
                let mut parts = rest.split('|').skip(2);
                let ip: IpAddr = parts.next().unwrap_or_default().parse().unwrap();
                let port = parts.next().unwrap_or_default().parse().unwrap();
                data = Some(Data::At(SocketAddr::new(ip, port)));
                write!(stream, "200 ok\r\n")?;
            }
            "PORT" => {
                let n: Vec<u8> = rest.split(',').map(|n| n.parse().unwrap()).collect();
                let ip = IpAddr::from([n[0], n[1], n[2], n[3]]);
                let port = u16::from_be_bytes([n[4], n[5]]);
                data = Some(Data::At(SocketAddr::new(ip, port)));
                write!(stream, "200 ok\r\n")?;
            }
            "REST" if manner.rest => {
                from = rest.parse().unwrap();
                write!(stream, "350 from there\r\n")?;
            }
            "RETR" if rest == "missing" => write!(stream, "550 no such file\r\n")?,
            "RETR" => {
                write!(stream, "150 here it comes\r\n")?;
                let mut target = match data.take() {
                    Some(Data::Listening(listener)) => listener.accept()?.0,
                    Some(Data::At(address)) => TcpStream::connect(address)?,
                    None => return write!(stream, "425 no connection\r\n"),
                };
                let body = &manner.bytes[from.min(manner.bytes.len())..];
                let end = manner.cut.unwrap_or(body.len()).min(body.len());
                target.write_all(&body[..end])?;
                drop(target);
                from = 0;
                if end < body.len() {
                    write!(stream, "426 connection closed\r\n")?;
                } else {
                    write!(stream, "226 done\r\n")?;
                }
            }
            _ => write!(stream, "502 not known\r\n")?,
        }
    }
}
