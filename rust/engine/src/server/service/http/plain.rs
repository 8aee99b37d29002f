//! Clients that speak HTTP where TLS was expected.

/// Whether these first bytes are a request in plain HTTP.
pub fn is_plain_request(first: &[u8]) -> bool {
    const METHODS: [&[u8]; 8] = [b"GET ", b"HEAD", b"POST", b"PUT ", b"OPTI", b"DELE", b"PATC", b"CONN"];
    METHODS.iter().any(|method| first.starts_with(method))
}

/// What a client that speaks plain HTTP gets to read.
pub const PLAIN_REQUEST_ANSWER: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n\
    Content-Length: 58\r\nConnection: close\r\n\r\nThis server speaks TLS only: try the same with https://.\r\n";

/// In words, what a client sent that is no TLS.
pub fn not_tls(first: &[u8]) -> String {
    if is_plain_request(first) {
        return "the client speaks plain HTTP, not TLS".to_owned();
    }
    format!("the client does not speak TLS: it begins with \"{}\"", first[..first.len().min(24)].escape_ascii())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_length_is_that_of_the_body() {
        let plain = std::str::from_utf8(PLAIN_REQUEST_ANSWER).unwrap();
        let (head, body) = plain.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{}", body.len());
    }
}
