//! Small servers for sources that we connect to and that ffmpeg cannot play the other side of.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream, UdpSocket},
    path::PathBuf,
    thread,
};

/// Serves the files of a folder over HTTP, a connection a request. Returns the port.
pub(crate) fn files(folder: PathBuf) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that goes away is no fault of the server.
            let _ = file(&stream, &folder);
        }
    });
    port
}

fn file(mut stream: &TcpStream, folder: &std::path::Path) -> std::io::Result<()> {
    let lines = head(&mut BufReader::new(stream))?;
    let target = lines.first().and_then(|line| line.split(' ').nth(1));
    let name = target.unwrap_or_default().trim_start_matches('/');
    let (status, body) = match fs::read(folder.join(name)) {
        Ok(body) => ("200 OK", body),
        Err(_) => ("404 Not Found", Vec::new()),
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    )?;
    stream.write_all(&body)
}

/// Reads the lines up to the empty one.
fn head(reader: &mut impl BufRead) -> std::io::Result<Vec<String>> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            return Ok(lines);
        }
        lines.push(line.trim().to_owned());
    }
}

/// Plays to one RTSP client, in its connection, the MPEG-TS over RTP that comes to a UDP port.
/// Returns the ports of RTSP and of UDP.
pub(crate) fn rtsp() -> (u16, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let ports = (
        listener.local_addr().unwrap().port(),
        socket.local_addr().unwrap().port(),
    );
    thread::spawn(move || {
        if let Ok((stream, _)) = listener.accept() {
            let _ = converse(&stream, &socket);
        }
    });
    ports
}

fn converse(mut stream: &TcpStream, socket: &UdpSocket) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let lines = head(&mut reader)?;
        let Some(method) = lines.first().and_then(|line| line.split(' ').next()) else {
            return Ok(());
        };
        let sequence = lines.iter().find(|line| line.starts_with("CSeq")).cloned();
        let (headers, body) = match method {
            "OPTIONS" => ("Public: DESCRIBE, SETUP, PLAY, TEARDOWN", ""),
            "DESCRIBE" => (
                "Content-Type: application/sdp",
                "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 33\r\na=control:0\r\n",
            ),
            "SETUP" => (
                "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1",
                "",
            ),
            _ => ("Session: 1", ""),
        };
        write!(
            stream,
            "RTSP/1.0 200 OK\r\n{}\r\n{headers}\r\nContent-Length: {}\r\n\r\n{body}",
            sequence.unwrap_or_default(),
            body.len()
        )?;
        if method == "PLAY" {
            return forward(stream, socket);
        }
    }
}

/// Datagrams as interleaved frames, RFC 2326, 10.12.
fn forward(mut stream: &TcpStream, socket: &UdpSocket) -> std::io::Result<()> {
    let mut packet = [0; 2048];
    loop {
        let length = socket.recv(&mut packet)?;
        let [high, low] = u16::try_from(length).unwrap().to_be_bytes();
        stream.write_all(&[b'$', 0, high, low])?;
        stream.write_all(&packet[..length])?;
    }
}

/// Waits until somebody listens on a TCP port, without connecting.
pub(crate) fn wait_for_listener(port: u16) {
    let wanted = format!(":{port:04X}");
    for _ in 0..600 {
        let mut table = String::new();
        fs::File::open("/proc/net/tcp")
            .unwrap()
            .read_to_string(&mut table)
            .unwrap();
        let listens = table.lines().any(|line| {
            let mut fields = line.split_whitespace().skip(1);
            let local = fields.next().unwrap_or_default();
            // State 0A is LISTEN.
            local.ends_with(&wanted) && fields.nth(1) == Some("0A")
        });
        if listens {
            return;
        }
        thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("nobody listens on port {port}");
}
