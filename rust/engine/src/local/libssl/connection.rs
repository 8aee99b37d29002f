//! Two connections of a foreign libssl, and the wire between them.

use std::ffi::{CStr, c_int, c_long, c_void};
use std::ptr::{self, NonNull};

use super::symbols::{Bio, Key, Ssl, text};
use super::{Api, Context, OwnedKey, Session};
use crate::local::meter::Side;
use crate::{Error, Result};

/// Commands of `SSL_ctrl`, from OpenSSL's ssl.h.
const CTRL_SESSION_REUSED: c_int = 8;
const CTRL_TLSEXT_HOSTNAME: c_int = 55;
const CTRL_SHARED_GROUP: c_int = 93;
const CTRL_PEER_SIGNATURE_HASH: c_int = 108;
const CTRL_PEER_TMP_KEY: c_int = 109;
const CTRL_SIGNATURE_HASH: c_int = 132;
const CTRL_NEGOTIATED_GROUP: c_int = 134;

/// From OpenSSL's `obj_mac.h`: the kind of all keys on Weierstrass curves, three of the curves, and X25519.
const KIND_EC: c_int = 408;
const NID_P256: c_long = 415;
const NID_P384: c_long = 715;
const NID_P521: c_long = 716;
const NID_X25519: c_long = 1034;

/// Answers of `SSL_get_error`.
const WANT_READ: c_int = 2;
const WANT_WRITE: c_int = 3;

/// For `SSL_set_shutdown`.
const SENT_SHUTDOWN: c_int = 1;
const RECEIVED_SHUTDOWN: c_int = 2;

/// What an end says of its key exchange group.
pub enum GroupSaid {
    Name(String),
    /// The code point of TLS.
    Id(u16),
    /// OpenSSL's number for the curve.
    Nid(c_long),
}

/// What an end says that the handshake was signed with.
pub enum SignatureSaid {
    /// The code point of TLS.
    Id(u16),
    /// OpenSSL's numbers for the kind of signature and for the hash, 0 for none.
    Nids(c_int, c_int),
}

/// Client and server, and what joins them.
pub struct Link {
    // The fields are dropped in this order.
    client: Option<Connection>,
    server: Option<Connection>,
    parked: Vec<[Option<Connection>; 2]>,
    wire: Wire,
}

// SAFETY: connections and wire belong to no thread, but share state without locks. They leave this struct only by reference, so they
// move together and are used together.
unsafe impl Send for Link {}

impl Link {
    /// With room for so many bytes on their way from the client, and from the server.
    pub fn new(api: &'static Api, from_client: usize, from_server: usize) -> Result<Self> {
        Ok(Self { client: None, server: None, parked: Vec::new(), wire: Wire::new(api, from_client, from_server)? })
    }

    /// Free the connections, and throw away what they sent and nobody read.
    pub fn clear(&mut self) {
        self.client = None;
        self.server = None;
        self.wire.drain();
        self.wire.api.forget_errors();
    }

    /// Put the connections aside, alive. They have to have nothing more to say: others use the wire after them.
    pub fn park(&mut self) {
        self.parked.push([self.client.take(), self.server.take()]);
    }

    pub fn clear_park(&mut self) {
        self.parked.clear();
    }

    /// A new client, which sends `name`, verifies it if that is wanted, and resumes the session if there is one.
    pub fn connect(
        &mut self,
        context: &Context,
        name: &CStr,
        verify_name: bool,
        session: Option<&Session>,
    ) -> Result<()> {
        self.client = Some(Connection::client(context, &self.wire, name, verify_name, session)?);
        Ok(())
    }

    /// A new server.
    pub fn accept(&mut self, context: &Context) -> Result<()> {
        self.server = Some(Connection::server(context, &self.wire)?);
        Ok(())
    }

    pub fn client(&mut self) -> Result<&mut Connection> {
        self.client.as_mut().ok_or_else(no_connection)
    }

    pub fn server(&mut self) -> Result<&mut Connection> {
        self.server.as_mut().ok_or_else(no_connection)
    }

    pub fn end(&mut self, side: Side) -> Result<&mut Connection> {
        match side {
            Side::Client => self.client(),
            Side::Server => self.server(),
        }
    }

    /// Client and server.
    pub fn ends(&self) -> Result<[&Connection; 2]> {
        match (&self.client, &self.server) {
            (Some(client), Some(server)) => Ok([client, server]),
            _ => Err(no_connection()),
        }
    }
}

/// What carries the bytes between two connections: a ring buffer in each direction (a BIO pair).
///
/// It outlives the connections, as a socket's buffers would if sockets were to be had for nothing.
struct Wire {
    api: &'static Api,
    client: NonNull<Bio>,
    server: NonNull<Bio>,
}

impl Drop for Wire {
    fn drop(&mut self) {
        // SAFETY: the references that are ours; connections have their own.
        unsafe {
            (self.api.BIO_free)(self.client.as_ptr());
            (self.api.BIO_free)(self.server.as_ptr());
        }
    }
}

impl Wire {
    fn new(api: &'static Api, from_client: usize, from_server: usize) -> Result<Self> {
        let (mut client, mut server) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: two places for the answer.
        let made = unsafe { (api.BIO_new_bio_pair)(&raw mut client, from_client, &raw mut server, from_server) };
        match (made, NonNull::new(client), NonNull::new(server)) {
            (1, Some(client), Some(server)) => Ok(Self { api, client, server }),
            _ => Err(Error::Internal(format!("BIO_new_bio_pair: {}", api.reasons()))),
        }
    }

    /// Throw away what was sent and not read.
    fn drain(&mut self) {
        let mut scratch = [0_u8; 4096];
        for bio in [self.client, self.server] {
            // SAFETY: the BIO is alive, and the buffer is as long as it says.
            while unsafe { (self.api.BIO_read)(bio.as_ptr(), scratch.as_mut_ptr().cast(), 4096) } > 0 {}
        }
    }
}

/// One side of a connection (SSL).
pub struct Connection {
    api: &'static Api,
    ssl: NonNull<Ssl>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        let (api, ssl) = (self.api, self.ssl.as_ptr());
        // SAFETY: the one reference there is; the library lets go of context and BIO with it. A connection that was not closed takes
        // its session with it (RFC 5246 section 7.2.1), so it is said to be.
        unsafe {
            (api.SSL_set_shutdown)(ssl, SENT_SHUTDOWN | RECEIVED_SHUTDOWN);
            (api.SSL_free)(ssl);
        }
    }
}

impl Connection {
    fn client(
        context: &Context,
        wire: &Wire,
        name: &CStr,
        verify_name: bool,
        session: Option<&Session>,
    ) -> Result<Self> {
        let connection = Self::new(context, wire.client)?;
        let (api, ssl) = (connection.api, connection.ssl.as_ptr());
        // SAFETY: connection, string and session are alive; the library copies the string, and takes a reference of its own to the
        // session.
        let done = unsafe {
            (api.SSL_set_connect_state)(ssl);
            let sent = match api.SSL_set_tlsext_host_name {
                Some(set_name) => set_name(ssl, name.as_ptr()) == 1,
                None => connection.ctrl(CTRL_TLSEXT_HOSTNAME, name.as_ptr().cast_mut().cast()) == 1,
            };
            sent && (!verify_name || (api.SSL_set1_host)(ssl, name.as_ptr()) == 1)
                && session.is_none_or(|session| (api.SSL_set_session)(ssl, session.raw.as_ptr()) == 1)
        };
        if done { Ok(connection) } else { Err(Error::Internal(format!("a client cannot be set: {}", api.reasons()))) }
    }

    fn server(context: &Context, wire: &Wire) -> Result<Self> {
        let connection = Self::new(context, wire.server)?;
        // SAFETY: the connection is alive.
        unsafe { (connection.api.SSL_set_accept_state)(connection.ssl.as_ptr()) };
        Ok(connection)
    }

    fn new(context: &Context, end: NonNull<Bio>) -> Result<Self> {
        let api = context.api;
        // SAFETY: the context is alive; the connection takes a reference of its own to it.
        let ssl = unsafe { (api.SSL_new)(context.ctx.as_ptr()) };
        let ssl = NonNull::new(ssl).ok_or_else(|| Error::Internal(format!("SSL_new: {}", api.reasons())))?;
        // SAFETY: both are alive. SSL_set_bio takes over one reference if both BIOs are the same: the one that is added here.
        unsafe {
            (api.BIO_up_ref)(end.as_ptr());
            (api.SSL_set_bio)(ssl.as_ptr(), end.as_ptr(), end.as_ptr());
        }
        Ok(Self { api, ssl })
    }

    /// Go on with the handshake as far as it goes; whether it is done.
    pub fn handshake(&mut self) -> Result<bool> {
        // SAFETY: the connection is alive.
        let result = unsafe { (self.api.SSL_do_handshake)(self.ssl.as_ptr()) };
        if result == 1 {
            return Ok(true);
        }
        self.wants_more(result).map(|()| false)
    }

    /// Send some of `data`; how much.
    pub fn write(&mut self, data: &[u8]) -> Result<usize> {
        // SAFETY: the connection is alive, and `data` is at least as long as is said.
        let result = unsafe { (self.api.SSL_write)(self.ssl.as_ptr(), data.as_ptr().cast(), length(data)) };
        usize::try_from(result).ok().filter(|&count| count > 0).ok_or_else(|| self.failure(result))
    }

    /// Receive into `buffer`; how much.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let length = length(buffer);
        // SAFETY: the connection is alive, and `buffer` is at least as long as is said.
        let result = unsafe { (self.api.SSL_read)(self.ssl.as_ptr(), buffer.as_mut_ptr().cast(), length) };
        usize::try_from(result).ok().filter(|&count| count > 0).ok_or_else(|| self.failure(result))
    }

    /// Whether the handshake resumed a session.
    pub fn resumed(&self) -> bool {
        match self.api.SSL_session_reused {
            // SAFETY: the connection is alive.
            Some(reused) => unsafe { reused(self.ssl.as_ptr()) == 1 },
            None => self.ctrl(CTRL_SESSION_REUSED, ptr::null_mut()) == 1,
        }
    }

    /// Why the peer's chain is bad; None if it is good.
    pub fn chain_fault(&self) -> Option<String> {
        // SAFETY: the connection is alive; the words are static.
        unsafe {
            let result = (self.api.SSL_get_verify_result)(self.ssl.as_ptr());
            (result != 0).then(|| text((self.api.X509_verify_cert_error_string)(result)))
        }
    }

    /// The version's code: 0x0304 for TLS 1.3.
    pub fn version(&self) -> c_int {
        // SAFETY: the connection is alive.
        unsafe { (self.api.SSL_version)(self.ssl.as_ptr()) }
    }

    /// The suite by its IANA name, or by OpenSSL's if the library knows no other; "" if there is none yet.
    pub fn suite(&self) -> String {
        // SAFETY: the connection is alive; cipher and name are static.
        unsafe {
            let cipher = (self.api.SSL_get_current_cipher)(self.ssl.as_ptr());
            let name = self.api.SSL_CIPHER_standard_name.unwrap_or(self.api.SSL_CIPHER_get_name);
            if cipher.is_null() { String::new() } else { text(name(cipher)) }
        }
    }

    pub fn group(&self) -> GroupSaid {
        let ssl = self.ssl.as_ptr();
        if let Some(group_name) = self.api.SSL_get0_group_name {
            // SAFETY: the connection is alive, and so is the string as long.
            return GroupSaid::Name(unsafe { text(group_name(ssl)) });
        }
        if let Some(group_id) = self.api.SSL_get_group_id.or(self.api.SSL_get_curve_id) {
            // SAFETY: the connection is alive.
            return GroupSaid::Id(unsafe { group_id(ssl) });
        }
        match self.ctrl(CTRL_NEGOTIATED_GROUP, ptr::null_mut()) {
            // A server of TLS 1.2 has thrown the other end's key away by now, but knows what it had in common with it.
            0 => GroupSaid::Nid(
                self.curve_of_peer_share().unwrap_or_else(|| self.ctrl(CTRL_SHARED_GROUP, ptr::null_mut())),
            ),
            nid => GroupSaid::Nid(nid),
        }
    }

    /// With what this end signed the handshake; None if it did not, or does not tell.
    pub fn own_signature(&self) -> Option<SignatureSaid> {
        self.signature(
            self.api.SSL_get_signature_algorithm_used,
            self.api.SSL_get_signature_type_nid,
            CTRL_SIGNATURE_HASH,
        )
    }

    /// The same of the other end.
    pub fn peer_signature(&self) -> Option<SignatureSaid> {
        self.signature(
            self.api.SSL_get_peer_signature_algorithm,
            self.api.SSL_get_peer_signature_type_nid,
            CTRL_PEER_SIGNATURE_HASH,
        )
    }

    fn signature(
        &self,
        code_point: Option<unsafe extern "C" fn(*const Ssl) -> u16>,
        kind: Option<unsafe extern "C" fn(*const Ssl, *mut c_int) -> c_int>,
        hash: c_int,
    ) -> Option<SignatureSaid> {
        let ssl = self.ssl.as_ptr();
        if let Some(code_point) = code_point {
            // SAFETY: the connection is alive.
            let id = unsafe { code_point(ssl) };
            return (id != 0).then_some(SignatureSaid::Id(id));
        }
        let (mut kind_nid, mut hash_nid): (c_int, c_int) = (0, 0);
        // SAFETY: the connection is alive, and there is a place for the answer.
        if unsafe { kind?(ssl, &raw mut kind_nid) } != 1 {
            return None;
        }
        // Of Ed25519, which brings its own hash, there is none to tell.
        self.ctrl(hash, (&raw mut hash_nid).cast());
        Some(SignatureSaid::Nids(kind_nid, hash_nid))
    }

    /// OpenSSL's number for the curve of the key that the other end sent: all that OpenSSL 1.1.1 and `LibreSSL` tell.
    fn curve_of_peer_share(&self) -> Option<c_long> {
        let (id, bits) = (self.api.EVP_PKEY_id?, self.api.EVP_PKEY_bits?);
        let mut raw: *mut Key = ptr::null_mut();
        if self.ctrl(CTRL_PEER_TMP_KEY, (&raw mut raw).cast()) != 1 {
            return None;
        }
        let key = OwnedKey::of(self.api, raw)?;
        // SAFETY: the key is alive.
        let (kind, bits) = unsafe { (id(key.raw.as_ptr()), bits(key.raw.as_ptr())) };
        // X25519 and X448 are kinds of their own; of the curves that are all of one kind, no two in use have the same size.
        match (kind, bits) {
            (KIND_EC, 256) => Some(NID_P256),
            (KIND_EC, 384) => Some(NID_P384),
            (KIND_EC, 521) => Some(NID_P521),
            // LibreSSL dresses X25519 up as a curve of the same size.
            (KIND_EC, 253) => Some(NID_X25519),
            (kind, _) => Some(kind.into()),
        }
    }

    /// As `Context::ctrl`; 0 where there is no such thing.
    fn ctrl(&self, command: c_int, argument: *mut c_void) -> c_long {
        // SAFETY: the connection is alive; the callers give each command the argument that its macro would.
        self.api.SSL_ctrl.map_or(0, |ctrl| unsafe { ctrl(self.ssl.as_ptr(), command, 0, argument) })
    }

    /// Good if the call only waits for the other end.
    fn wants_more(&self, result: c_int) -> Result<()> {
        // SAFETY: the connection is alive, and its last call gave `result`.
        match unsafe { (self.api.SSL_get_error)(self.ssl.as_ptr(), result) } {
            WANT_READ | WANT_WRITE => Ok(()),
            _ => Err(self.failure(result)),
        }
    }

    fn failure(&self, result: c_int) -> Error {
        // SAFETY: as above.
        let kind = unsafe { (self.api.SSL_get_error)(self.ssl.as_ptr(), result) };
        Error::PeerIncompatible(format!("{} (SSL_get_error {kind})", self.api.reasons()))
    }
}

/// The length as C takes it; of a longer buffer, only so much is used.
fn length(buffer: &[u8]) -> c_int {
    c_int::try_from(buffer.len()).unwrap_or(c_int::MAX)
}

fn no_connection() -> Error {
    Error::Internal("data to move, but no connection".to_owned())
}
