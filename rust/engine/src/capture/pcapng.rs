//! Blocks of the pcapng format (draft-ietf-opsawg-pcapng): sections, interfaces, packets, and the secrets that decrypt them.
//!
//! Everything is in this machine's byte order, as the format wants it, and padded to 32 bits.

use std::time::SystemTime;

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 0x0000_0001;
const ENHANCED_PACKET: u32 = 0x0000_0006;
const DECRYPTION_SECRETS: u32 = 0x0000_000a;

const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;
/// `LINKTYPE_RAW`: a packet begins with its IP header, whose first bits tell the version.
const RAW_IP: u16 = 101;
/// "TLSK": what is inside is a key log in the format of NSS.
const TLS_KEY_LOG: u32 = 0x544c_534b;

const COMMENT: u16 = 1;
const SECTION_APPLICATION: u16 = 4;
const INTERFACE_RESOLUTION: u16 = 9;
const END_OF_OPTIONS: u16 = 0;
/// Negative powers of ten: nanoseconds.
const NANOSECONDS: u8 = 9;

/// The beginning of a section, of unknown length.
pub fn section_header(out: &mut Vec<u8>, application: &str) {
    block(out, SECTION_HEADER, |out| {
        put32(out, BYTE_ORDER_MAGIC);
        put16(out, 1);
        put16(out, 0);
        out.extend(u64::MAX.to_ne_bytes());
        option(out, SECTION_APPLICATION, application.as_bytes());
        option(out, END_OF_OPTIONS, &[]);
    });
}

/// The section's one interface, without a limit on the length of packets.
pub fn interface(out: &mut Vec<u8>, comment: &str) {
    block(out, INTERFACE_DESCRIPTION, |out| {
        put16(out, RAW_IP);
        put16(out, 0);
        put32(out, 0);
        option(out, COMMENT, comment.as_bytes());
        option(out, INTERFACE_RESOLUTION, &[NANOSECONDS]);
        option(out, END_OF_OPTIONS, &[]);
    });
}

/// An IP packet on that interface, with a comment if there is one to make.
pub fn packet(out: &mut Vec<u8>, at: SystemTime, packet: &[u8], comment: Option<&str>) {
    let since_epoch = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
    // Until the year 2554.
    let nanoseconds = u64::try_from(since_epoch).unwrap_or(u64::MAX);
    block(out, ENHANCED_PACKET, |out| {
        put32(out, 0);
        put32(out, (nanoseconds >> 32) as u32);
        put32(out, (nanoseconds & 0xffff_ffff) as u32);
        put32(out, length(packet));
        put32(out, length(packet));
        padded(out, packet);
        if let Some(comment) = comment {
            option(out, COMMENT, comment.as_bytes());
            option(out, END_OF_OPTIONS, &[]);
        }
    });
}

/// Lines of a key log, for the packets behind it.
pub fn secrets(out: &mut Vec<u8>, key_log: &str) {
    block(out, DECRYPTION_SECRETS, |out| {
        put32(out, TLS_KEY_LOG);
        put32(out, length(key_log.as_bytes()));
        padded(out, key_log.as_bytes());
    });
}

/// A block's length stands before and behind its body.
fn block(out: &mut Vec<u8>, kind: u32, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    put32(out, kind);
    put32(out, 0);
    body(out);
    let total = length(&out[start..]) + 4;
    put32(out, total);
    out[start + 4..start + 8].copy_from_slice(&total.to_ne_bytes());
}

fn option(out: &mut Vec<u8>, code: u16, value: &[u8]) {
    put16(out, code);
    put16(out, u16::try_from(value.len()).unwrap_or(u16::MAX));
    padded(out, &value[..value.len().min(u16::MAX.into())]);
}

fn padded(out: &mut Vec<u8>, data: &[u8]) {
    out.extend_from_slice(data);
    out.resize(out.len().next_multiple_of(4), 0);
}

fn put16(out: &mut Vec<u8>, value: u16) {
    out.extend(value.to_ne_bytes());
}

fn put32(out: &mut Vec<u8>, value: u32) {
    out.extend(value.to_ne_bytes());
}

/// Of what is never near the limit: a packet, or a line.
fn length(data: &[u8]) -> u32 {
    u32::try_from(data.len()).unwrap_or(u32::MAX)
}
