//! One connection as TCP segments: the handshake, the data each way, the ends.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::SystemTime;

use etherparse::{
    IpHeaders, Ipv4Extensions, Ipv4Header, Ipv6Extensions, Ipv6FlowLabel, Ipv6Header, TcpHeader, TcpOptionElement,
    ip_number,
};
use socket2::SockRef;

use super::{CaptureFile, pcapng};
use crate::{Error, Result};

/// Data is cut into segments of so much, well below the 64 KiB of an IP packet.
const SEGMENT: usize = 32 * 1024;
/// Unanswered data after which an empty acknowledgement is made up, as the other side must have sent some.
const UNANSWERED: u32 = 128 * 1024;
/// The window is announced as large as can be (RFC 7323 section 2.3): analysers would call a smaller one full.
const WINDOW: u16 = u16::MAX;
const WINDOW_SCALE: u8 = 14;
const HOP_LIMIT: u8 = 64;

const UNIX: &str = "a unix socket: addresses and ports are made up, too";

/// One of the two ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Client,
    Server,
}

impl End {
    fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// What one end has said so far, by its TCP.
#[derive(Debug)]
struct Side {
    address: SocketAddr,
    /// Of the next byte that it sends.
    sequence: u32,
    /// Up to where the other end has acknowledged.
    acknowledged: u32,
    finished: bool,
}

/// The client's connection in a capture. Dropping it ends what has not ended.
#[derive(Debug)]
pub struct Stream {
    file: Arc<CaptureFile>,
    client: Side,
    server: Side,
    blocks: Vec<u8>,
}

/// What a segment is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// The very first, and the only one that acknowledges nothing.
    Open,
    Accept,
    Acknowledge,
    /// A part of more.
    Carry,
    /// The last part.
    Push,
    Finish,
    Reset,
}

impl Purpose {
    /// SYN and FIN take a sequence number each, as if they were a byte (RFC 9293 section 3.4).
    fn is_numbered(self) -> bool {
        matches!(self, Self::Open | Self::Accept | Self::Finish)
    }
}

impl Stream {
    pub(super) fn open(file: Arc<CaptureFile>, socket: impl AsFd) -> Result<Self> {
        let (ours, theirs, comment) = addresses(&SockRef::from(&socket));
        let now = SystemTime::now();
        // Any number will do that another connection between the same ports is unlikely to have.
        let begin = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().subsec_nanos();
        let side = |address| Side { address, sequence: begin, acknowledged: begin, finished: false };
        let mut stream = Self { file, client: side(ours), server: side(theirs), blocks: Vec::new() };
        stream.segment(End::Client, now, Purpose::Open, &[], comment)?;
        stream.segment(End::Server, now, Purpose::Accept, &[], None)?;
        stream.segment(End::Client, now, Purpose::Acknowledge, &[], None)?;
        stream.write()?;
        Ok(stream)
    }

    /// `data` went out from one end.
    pub fn data(&mut self, from: End, at: SystemTime, data: &[u8]) -> Result<()> {
        let mut pieces = data.chunks(SEGMENT).peekable();
        while let Some(piece) = pieces.next() {
            let purpose = if pieces.peek().is_none() { Purpose::Push } else { Purpose::Carry };
            self.segment(from, at, purpose, piece, None)?;
            let side = self.side(from);
            if side.sequence.wrapping_sub(side.acknowledged) >= UNANSWERED {
                self.segment(from.other(), at, Purpose::Acknowledge, &[], None)?;
            }
        }
        self.write()
    }

    /// One end said that nothing more will come; a second time is nothing new.
    pub fn finish(&mut self, from: End) -> Result<()> {
        if self.side(from).finished {
            return Ok(());
        }
        let now = SystemTime::now();
        self.segment(from, now, Purpose::Finish, &[], None)?;
        self.segment(from.other(), now, Purpose::Acknowledge, &[], None)?;
        self.side(from).finished = true;
        self.write()
    }

    /// One end broke the connection.
    pub fn reset(&mut self, from: End) -> Result<()> {
        self.segment(from, SystemTime::now(), Purpose::Reset, &[], None)?;
        (self.client.finished, self.server.finished) = (true, true);
        self.write()
    }

    fn segment(
        &mut self,
        from: End,
        at: SystemTime,
        purpose: Purpose,
        data: &[u8],
        comment: Option<&str>,
    ) -> Result<()> {
        let acknowledgment = if purpose == Purpose::Open { 0 } else { self.side(from.other()).sequence };
        let side = self.side(from);
        let mut tcp = TcpHeader::new(side.address.port(), 0, side.sequence, WINDOW);
        tcp.syn = matches!(purpose, Purpose::Open | Purpose::Accept);
        (tcp.fin, tcp.rst, tcp.psh) = (purpose == Purpose::Finish, purpose == Purpose::Reset, purpose == Purpose::Push);
        (tcp.ack, tcp.acknowledgment_number) = (purpose != Purpose::Open, acknowledgment);
        let length = u32::try_from(data.len()).unwrap_or_default() + u32::from(purpose.is_numbered());
        side.sequence = side.sequence.wrapping_add(length);
        self.side(from.other()).acknowledged = acknowledgment;
        if tcp.syn {
            tcp.set_options(&[TcpOptionElement::WindowScale(WINDOW_SCALE)]).map_err(|why| made_up(&why))?;
        }
        let packet = self.packet(from, tcp, data)?;
        pcapng::packet(&mut self.blocks, at, &packet, comment);
        Ok(())
    }

    /// The segment with its ports, checksums and IP header.
    fn packet(&mut self, from: End, mut tcp: TcpHeader, data: &[u8]) -> Result<Vec<u8>> {
        let (source, destination) = (self.side(from).address, self.side(from.other()).address);
        tcp.destination_port = destination.port();
        let ip = ip_header(source.ip(), destination.ip(), tcp.header_len() + data.len())?;
        tcp.checksum = match &ip {
            IpHeaders::Ipv4(ip, _) => tcp.calc_checksum_ipv4(ip, data),
            IpHeaders::Ipv6(ip, _) => tcp.calc_checksum_ipv6(ip, data),
        }
        .map_err(|why| made_up(&why))?;
        let mut packet = Vec::with_capacity(ip.header_len() + tcp.header_len() + data.len());
        ip.write(&mut packet).map_err(|why| made_up(&why))?;
        tcp.write(&mut packet).map_err(|why| made_up(&why))?;
        packet.extend_from_slice(data);
        Ok(packet)
    }

    fn side(&mut self, end: End) -> &mut Side {
        match end {
            End::Client => &mut self.client,
            End::Server => &mut self.server,
        }
    }

    fn write(&mut self) -> Result<()> {
        let outcome = self.file.write(&self.blocks);
        self.blocks.clear();
        outcome
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // The socket is closed with it. The file's own error, if any, has been told before.
        let _ = self.finish(End::Client);
    }
}

/// Our address, the peer's, and what has to be said about them.
fn addresses(socket: &SockRef<'_>) -> (SocketAddr, SocketAddr, Option<&'static str>) {
    let real = |address: std::io::Result<socket2::SockAddr>| {
        let address = address.ok()?.as_socket()?;
        Some(SocketAddr::new(address.ip().to_canonical(), address.port()))
    };
    if let (Some(ours), Some(theirs)) = (real(socket.local_addr()), real(socket.peer_addr())) {
        return (ours, theirs, None);
    }
    let loopback = |port| SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port);
    (loopback(49_152), loopback(443), Some(UNIX))
}

fn ip_header(source: IpAddr, destination: IpAddr, payload: usize) -> Result<IpHeaders> {
    let payload = u16::try_from(payload).map_err(|why| made_up(&why))?;
    match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let (source, destination) = (source.octets(), destination.octets());
            let mut header = Ipv4Header::new(payload, HOP_LIMIT, ip_number::TCP, source, destination)
                .map_err(|why| made_up(&why))?;
            header.header_checksum = header.calc_header_checksum();
            Ok(IpHeaders::Ipv4(header, Ipv4Extensions::default()))
        }
        (source, destination) => {
            let octets = |address: IpAddr| match address {
                IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
                IpAddr::V6(address) => address.octets(),
            };
            let header = Ipv6Header {
                traffic_class: 0,
                flow_label: Ipv6FlowLabel::ZERO,
                payload_length: payload,
                next_header: ip_number::TCP,
                hop_limit: HOP_LIMIT,
                source: octets(source),
                destination: octets(destination),
            };
            Ok(IpHeaders::Ipv6(header, Ipv6Extensions::default()))
        }
    }
}

/// A header that cannot be: of data that is cut into small segments, there is none.
fn made_up(why: &dyn std::fmt::Display) -> Error {
    Error::Internal(format!("a packet of the capture: {why}"))
}
