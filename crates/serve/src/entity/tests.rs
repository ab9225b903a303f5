//! Entities through their one door, [`Entity::answer`].

use http_body_util::BodyExt as _;

use super::*;

fn entity() -> Entity {
    Entity {
        slices: ["head", "", "payload"].map(Bytes::from).to_vec(),
        content_type: "video/mp4",
        cache_control: "no-cache",
        etag: Some(ETag::new(1, 7)),
        last_modified: Some(784_111_777),
    }
}

fn ask(method: &Method, fields: &[(&'static str, &str)]) -> (Response, String) {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(*name, value.parse().unwrap());
    }
    let response = entity().answer(method, &headers);
    let (parts, body) = response.into_parts();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let bytes = runtime.block_on(body.collect()).unwrap().to_bytes();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    (Response::from_parts(parts, Body::empty()), text)
}

fn get(fields: &[(&'static str, &str)]) -> (Response, String) {
    ask(&Method::GET, fields)
}

#[test]
fn everything_comes_with_its_validators() {
    let (response, body) = get(&[]);
    assert_eq!(
        (response.status().as_u16(), body.as_str()),
        (200, "headpayload")
    );
    let headers = response.headers();
    assert_eq!(headers["content-type"], "video/mp4");
    assert_eq!(headers["accept-ranges"], "bytes");
    assert_eq!(headers["cache-control"], "no-cache");
    assert_eq!(headers["etag"], "\"1-0000000000000007\"");
    assert_eq!(headers["last-modified"], "Sun, 06 Nov 1994 08:49:37 GMT");
}

#[test]
fn one_range_crosses_slices_without_copying() {
    let (response, body) = get(&[("range", "bytes=2-6")]);
    assert_eq!((response.status().as_u16(), body.as_str()), (206, "adpay"));
    assert_eq!(response.headers()["content-range"], "bytes 2-6/11");
    assert_eq!(response.headers()["content-type"], "video/mp4");

    let slices = entity().slices;
    let parts = cut(&slices, &(2..6));
    assert_eq!(parts[0].as_ptr(), slices[0][2..].as_ptr());
    assert_eq!(parts[1].as_ptr(), slices[2].as_ptr());
}

#[test]
fn several_ranges_are_parts() {
    let (response, body) = get(&[("range", "bytes=9-,0-1")]);
    assert_eq!(response.status(), 206);
    assert_eq!(response.headers()["content-type"], multipart::CONTENT_TYPE);
    assert!(!response.headers().contains_key("content-range"));
    let expected = "--headend-8d1f4c2b7a9e4f60b3c5\r\n\
        Content-Type: video/mp4\r\nContent-Range: bytes 9-10/11\r\n\r\nad\r\n\
        --headend-8d1f4c2b7a9e4f60b3c5\r\n\
        Content-Type: video/mp4\r\nContent-Range: bytes 0-1/11\r\n\r\nhe\r\n\
        --headend-8d1f4c2b7a9e4f60b3c5--\r\n";
    assert_eq!(body, expected);
}

#[test]
fn ranges_outside_are_416_with_the_length() {
    let (response, _) = get(&[("range", "bytes=11-")]);
    assert_eq!(response.status(), 416);
    assert_eq!(response.headers()["content-range"], "bytes */11");
}

#[test]
fn head_and_a_failed_if_range_ignore_the_range() {
    let (response, _) = ask(&Method::HEAD, &[("range", "bytes=2-6")]);
    assert_eq!(response.status(), 200);
    let (response, body) = get(&[("range", "bytes=2-6"), ("if-range", "\"x\"")]);
    assert_eq!((response.status().as_u16(), body.len()), (200, 11));
    let (response, _) = get(&[
        ("range", "bytes=2-6"),
        ("if-range", "\"1-0000000000000007\""),
    ]);
    assert_eq!(response.status(), 206);
}

#[test]
fn conditions_come_before_ranges() {
    let tag = "\"1-0000000000000007\"";
    let (response, body) = get(&[("if-none-match", tag), ("range", "bytes=99-")]);
    assert_eq!((response.status().as_u16(), body.as_str()), (304, ""));
    assert_eq!(response.headers()["etag"], tag);
    assert_eq!(response.headers()["cache-control"], "no-cache");
    assert!(!response.headers().contains_key("content-type"));
    let (response, _) = get(&[("if-match", "\"x\""), ("range", "bytes=0-")]);
    assert_eq!(response.status(), 412);
}
