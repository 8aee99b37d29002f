#![allow(clippy::unwrap_used)]

use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::SystemTime;

use etherparse::{NetSlice, SlicedPacket, TransportSlice};

use super::*;

/// A file of this test's own, gone with it.
struct Place(std::path::PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("tlstool-{name}-{}.pcapng", std::process::id())))
    }

    fn open(&self) -> Arc<CaptureFile> {
        Arc::new(CaptureFile::open(self.0.to_str().unwrap()).unwrap())
    }

    /// The kinds and bodies of all blocks.
    fn blocks(&self) -> Vec<(u32, Vec<u8>)> {
        let all = std::fs::read(&self.0).unwrap();
        let number = |at: usize| u32::from_ne_bytes(all[at..at + 4].try_into().unwrap());
        let mut blocks = Vec::new();
        let mut at = 0;
        while at < all.len() {
            let total = number(at + 4) as usize;
            assert_eq!(number(at + total - 4) as usize, total);
            blocks.push((number(at), all[at + 8..at + total - 4].to_vec()));
            at += total;
        }
        blocks
    }

    fn packets(&self) -> Vec<Vec<u8>> {
        let packets = self.blocks().into_iter().filter(|(kind, _)| *kind == 6);
        packets
            .map(|(_, body)| {
                let length = u32::from_ne_bytes(body[12..16].try_into().unwrap()) as usize;
                body[20..20 + length].to_vec()
            })
            .collect()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Flags, relative numbers and length of each segment, its checksums verified.
fn segments(packets: &[Vec<u8>], client: u16) -> Vec<(bool, String, u32, u32, usize)> {
    let mut first = None;
    let read = |packet: &Vec<u8>| {
        let sliced = SlicedPacket::from_ip(packet).unwrap();
        let Some(TransportSlice::Tcp(tcp)) = &sliced.transport else { panic!("no TCP") };
        let header = tcp.to_header();
        let sum = match sliced.net.as_ref().unwrap() {
            NetSlice::Ipv4(ip) => header.calc_checksum_ipv4(&ip.header().to_header(), tcp.payload()),
            NetSlice::Ipv6(ip) => header.calc_checksum_ipv6(&ip.header().to_header(), tcp.payload()),
            NetSlice::Arp(_) => panic!("no IP"),
        };
        assert_eq!(sum.unwrap(), header.checksum);
        let begin = *first.get_or_insert(header.sequence_number);
        let flags = [('S', header.syn), ('A', header.ack), ('P', header.psh), ('F', header.fin), ('R', header.rst)];
        let flags = flags.iter().filter(|(_, set)| *set).map(|(letter, _)| letter).collect::<String>();
        let acknowledged = if header.ack { header.acknowledgment_number.wrapping_sub(begin) } else { 0 };
        let sequence = header.sequence_number.wrapping_sub(begin);
        (header.source_port == client, flags, sequence, acknowledged, tcp.payload().len())
    };
    packets.iter().map(read).collect()
}

#[test]
fn a_connection_is_a_tcp_stream_with_right_numbers_and_checksums() {
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let Ok(listener) = TcpListener::bind(address) else { continue };
        let socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let place = Place::new(&format!("stream{}", address.len()));
        let mut stream = place.open().stream(&socket).unwrap();
        stream.data(End::Client, SystemTime::now(), b"hello").unwrap();
        stream.data(End::Server, SystemTime::now(), &vec![7; SEGMENT_AND_MORE]).unwrap();
        stream.finish(End::Server).unwrap();
        stream.finish(End::Server).unwrap();
        drop(stream);
        let said = segments(&place.packets(), socket.local_addr().unwrap().port());
        let line = |client, flags: &str, sequence, acknowledged, length| {
            (client, flags.to_owned(), sequence, acknowledged, length)
        };
        let wanted = [
            line(true, "S", 0, 0, 0),
            line(false, "SA", 0, 1, 0),
            line(true, "A", 1, 1, 0),
            line(true, "AP", 1, 1, 5),
            line(false, "A", 1, 6, 32_768),
            line(false, "AP", 32_769, 6, 10),
            line(false, "AF", 32_779, 6, 0),
            line(true, "A", 6, 32_780, 0),
            line(true, "AF", 6, 32_780, 0),
            line(false, "A", 32_780, 7, 0),
        ];
        assert_eq!(said, wanted);
    }
}

const SEGMENT_AND_MORE: usize = 32 * 1024 + 10;

#[test]
fn much_data_one_way_is_acknowledged_on_the_way() {
    let (socket, _peer) = UnixStream::pair().unwrap();
    let place = Place::new("much");
    let mut stream = place.open().stream(&socket).unwrap();
    for _ in 0..40 {
        stream.data(End::Server, SystemTime::now(), &vec![7; 32 * 1024]).unwrap();
    }
    stream.reset(End::Server).unwrap();
    drop(stream);
    let said = segments(&place.packets(), 49_152);
    let acknowledged = said.iter().filter(|(client, flags, ..)| *client && flags == "A").count();
    assert_eq!(acknowledged, 1 + 40 / 4);
    assert_eq!(said.last().unwrap().1, "AR");
}

#[test]
fn a_unix_socket_has_made_up_addresses_and_a_comment_that_says_so() {
    let (socket, _peer) = UnixStream::pair().unwrap();
    let place = Place::new("unix");
    drop(place.open().stream(&socket).unwrap());
    let text = std::fs::read(&place.0).unwrap();
    assert!(text.windows(UNIX_WORDS.len()).any(|window| window == UNIX_WORDS));
    assert_eq!(place.packets()[0][12..20], [127, 0, 0, 1, 127, 0, 0, 1]);
}

const UNIX_WORDS: &[u8] = b"addresses and ports are made up";

#[test]
fn secrets_stand_before_what_is_said_after_them_and_for_the_owner_alone() {
    let (socket, _peer) = UnixStream::pair().unwrap();
    let place = Place::new("secrets");
    std::fs::write(&place.0, b"").unwrap();
    std::fs::set_permissions(&place.0, Permissions::from_mode(0o644)).unwrap();
    let file = place.open();
    let mut stream = file.stream(&socket).unwrap();
    file.secret("CLIENT_RANDOM 00 11\n");
    stream.data(End::Client, SystemTime::now(), b"x").unwrap();
    let kinds = place.blocks().iter().map(|(kind, _)| *kind).collect::<Vec<_>>();
    assert_eq!(kinds, [0x0a0d_0d0a, 1, 6, 6, 6, 10, 6]);
    let (_, secret) = &place.blocks()[5];
    assert_eq!(&secret[8..28], b"CLIENT_RANDOM 00 11\n");
    assert_eq!(std::fs::metadata(&place.0).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn what_cannot_be_written_is_an_error() {
    // The second is there on Linux alone, and takes nothing; elsewhere it cannot be made.
    for path in ["/nonexistent/capture", "/dev/full"] {
        let error = CaptureFile::open(path).map(|_| ()).unwrap_err();
        assert_eq!(error.code(), "file-not-written");
    }
}
