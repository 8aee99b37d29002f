//! A foreign libssl, loaded by path: an owner for each of its objects, each operation a safe method.
//!
//! This folder is one of the two places that may hold `unsafe`.

mod connection;
mod session;
mod symbols;

use std::ffi::{CStr, c_int, c_long, c_void};
use std::ptr::{self, NonNull};

use symbols::{Certificate, Key, SslCtx};

pub use connection::{Connection, GroupSaid, Link, SignatureSaid};
pub use session::Session;
pub use symbols::Api;

use crate::{Error, Result};

/// Commands of `SSL_CTX_ctrl`, from OpenSSL's ssl.h and tls1.h; they are part of its ABI.
const CTRL_OPTIONS: c_int = 32;
const CTRL_SESS_CACHE_SIZE: c_int = 42;
const CTRL_SESS_CACHE_MODE: c_int = 44;
const CTRL_CHAIN_CERT: c_int = 89;
const CTRL_GROUPS_LIST: c_int = 92;
const CTRL_SIGALGS_LIST: c_int = 98;
const CTRL_MIN_PROTO_VERSION: c_int = 123;
const CTRL_MAX_PROTO_VERSION: c_int = 124;

const SESS_CACHE_OFF: c_int = 0;
const SESS_CACHE_CLIENT: c_int = 0x0001;
const SESS_CACHE_SERVER: c_int = 0x0002;
/// The application keeps the sessions, and the library none.
const SESS_CACHE_NO_INTERNAL: c_int = 0x0300;
const OP_NO_TICKET: u32 = 1 << 14;
const VERIFY_PEER: c_int = 1;
const VERIFY_FAIL_IF_NO_PEER_CERT: c_int = 2;
/// A policy of BoringSSL's by which AES-256-GCM comes first in TLS 1.3: `ssl_compliance_policy_cnsa_202407`, and where another one was
/// put in before that, `ssl_compliance_policy_wpa3_192_202304`. The latter has a say in versions, groups and signatures, too.
const POLICY_AES_256: c_int = 3;

/// The suites of TLS 1.3 that BoringSSL has, by their code points (RFC 8446 appendix B.4).
const SUITES_1_3: [(&CStr, u16); 3] = [
    (c"TLS_AES_128_GCM_SHA256", 0x1301),
    (c"TLS_AES_256_GCM_SHA384", 0x1302),
    (c"TLS_CHACHA20_POLY1305_SHA256", 0x1303),
];

/// The configuration of one side (`SSL_CTX`).
pub struct Context {
    api: &'static Api,
    ctx: NonNull<SslCtx>,
}

// SAFETY: a context belongs to no thread, and what it shares with its connections is counted atomically.
unsafe impl Send for Context {}
// SAFETY: what changes a context takes it by `&mut`; making connections of it, all that is left, is for any number of threads.
unsafe impl Sync for Context {}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: the one reference that is ours; connections have their own.
        unsafe { (self.api.SSL_CTX_free)(self.ctx.as_ptr()) }
    }
}

impl Context {
    pub fn new(api: &'static Api) -> Result<Self> {
        // SAFETY: TLS_method takes nothing and gives a static object.
        let ctx = unsafe { (api.SSL_CTX_new)((api.TLS_method)()) };
        NonNull::new(ctx)
            .map(|ctx| Self { api, ctx })
            .ok_or_else(|| Error::Internal(format!("SSL_CTX_new: {}", api.reasons())))
    }

    /// Allow one version alone.
    pub fn set_version(&mut self, version: u16) -> Result<()> {
        let (api, ctx) = (self.api, self.ctx.as_ptr());
        let set = |function: Option<unsafe extern "C" fn(*mut SslCtx, u16) -> c_int>, command| match function {
            // SAFETY: the context is alive; the arguments are numbers.
            Some(function) => unsafe { function(ctx, version) == 1 },
            None => self.ctrl(command, version.into(), ptr::null_mut()),
        };
        let done = set(api.SSL_CTX_set_min_proto_version, CTRL_MIN_PROTO_VERSION)
            && set(api.SSL_CTX_set_max_proto_version, CTRL_MAX_PROTO_VERSION);
        self.judge(done, "bad-library", "the TLS version cannot be set")
    }

    /// Allow these groups, by names with colons between; false if the library does not know them.
    pub fn set_groups(&mut self, list: &CStr) -> bool {
        match self.api.SSL_CTX_set1_groups_list.or(self.api.SSL_CTX_set1_curves_list) {
            // SAFETY: the context and the string are alive during the call; the library makes a copy.
            Some(function) => unsafe { function(self.ctx.as_ptr(), list.as_ptr()) == 1 },
            None => self.ctrl(CTRL_GROUPS_LIST, 0, list.as_ptr().cast_mut().cast()),
        }
    }

    /// Allow one suite of TLS 1.2; false if the library does not know it.
    pub fn set_suite_1_2(&mut self, name: &CStr) -> bool {
        // SAFETY: as in `set_groups`.
        unsafe { (self.api.SSL_CTX_set_cipher_list)(self.ctx.as_ptr(), name.as_ptr()) == 1 }
    }

    /// Allow, or at least prefer, one suite of TLS 1.3. Where the library has no call for it, its own choice stays: read it back.
    pub fn set_suite_1_3(&mut self, name: &CStr) -> bool {
        let ctx = self.ctx.as_ptr();
        if let Some(set_ciphersuites) = self.api.SSL_CTX_set_ciphersuites {
            // SAFETY: as in `set_groups`.
            return unsafe { set_ciphersuites(ctx, name.as_ptr()) == 1 };
        }
        let id = SUITES_1_3.iter().find_map(|&(known, id)| (known == name).then_some(id));
        match (self.api.SSL_CTX_set1_tls13_ciphers, self.api.SSL_CTX_set_compliance_policy, id) {
            // SAFETY: the context is alive; there is one code point, as is said, and null stands for no flags. The library makes a copy.
            (Some(set_ids), _, Some(id)) => unsafe { set_ids(ctx, &raw const id, ptr::null(), 1) == 1 },
            (Some(_), _, None) => false,
            // SAFETY: the context is alive; the policy is a number, and an unknown one is refused.
            (None, Some(set_policy), _) if name == c"TLS_AES_256_GCM_SHA384" => unsafe {
                set_policy(ctx, POLICY_AES_256) == 1
            },
            _ => true,
        }
    }

    /// Sign and verify with these schemes, by names with colons between. `LibreSSL` cannot be told, and goes its own way: read it back.
    pub fn set_signature_algorithms(&mut self, list: &CStr) -> bool {
        match self.api.SSL_CTX_set1_sigalgs_list {
            // SAFETY: as in `set_groups`.
            Some(function) => unsafe { function(self.ctx.as_ptr(), list.as_ptr()) == 1 },
            None => self.ctrl(CTRL_SIGALGS_LIST, 0, list.as_ptr().cast_mut().cast()),
        }
    }

    /// Compress no certificates.
    pub fn set_uncompressed(&mut self) {
        if let Some(prefer) = self.api.SSL_CTX_set1_cert_comp_preference {
            // SAFETY: the context is alive, and a list of no algorithms is not read. A build that cannot compress refuses, which
            // is as good.
            unsafe { prefer(self.ctx.as_ptr(), ptr::null_mut(), 0) };
        }
    }

    /// Keep no sessions. A server makes tickets all the same.
    pub fn keep_no_sessions(&mut self) {
        self.set_session_cache_mode(SESS_CACHE_OFF);
    }

    /// A client hands its sessions to [`Session::arrived`].
    pub fn hand_out_sessions(&mut self) {
        self.set_session_cache_mode(SESS_CACHE_CLIENT | SESS_CACHE_NO_INTERNAL);
        // SAFETY: the context is alive, and the callback has the type that is asked for.
        unsafe { (self.api.SSL_CTX_sess_set_new_cb)(self.ctx.as_ptr(), Some(session::keep)) };
    }

    /// A server keeps this many sessions, and puts nothing but their names into tickets.
    pub fn keep_sessions(&mut self, count: u32) {
        let ctx = self.ctx.as_ptr();
        self.set_session_cache_mode(SESS_CACHE_SERVER);
        match self.api.SSL_CTX_sess_set_cache_size {
            // SAFETY: the context is alive; the argument is a number.
            Some(set_size) => drop(unsafe { set_size(ctx, count.into()) }),
            None => drop(self.ctrl(CTRL_SESS_CACHE_SIZE, count.into(), ptr::null_mut())),
        }
        match self.api.SSL_CTX_set_options {
            // SAFETY: as above.
            Some(set_options) => drop(unsafe { set_options(ctx, OP_NO_TICKET.into()) }),
            None => drop(self.ctrl(CTRL_OPTIONS, OP_NO_TICKET.into(), ptr::null_mut())),
        }
    }

    /// What sessions of this server are told from those of others by; where clients are verified, nothing is resumed without.
    pub fn set_session_context(&mut self, name: &[u8]) -> Result<()> {
        let (api, ctx) = (self.api, self.ctx.as_ptr());
        // SAFETY: the context is alive, and `name` is as long as is said; the library makes a copy.
        let done = unsafe { (api.SSL_CTX_set_session_id_context)(ctx, name.as_ptr(), name.len()) } == 1;
        self.judge(done, "bad-library", "the context of sessions cannot be set")
    }

    fn set_session_cache_mode(&mut self, mode: c_int) {
        if let Some(set_mode) = self.api.SSL_CTX_set_session_cache_mode {
            // SAFETY: the context is alive; the answer is the mode before.
            unsafe { set_mode(self.ctx.as_ptr(), mode) };
        } else {
            self.ctrl(CTRL_SESS_CACHE_MODE, mode.into(), ptr::null_mut());
        }
    }

    /// The certificates to send, leaf first, and the leaf's key; all DER.
    pub fn set_identity(&mut self, chain: &[impl AsRef<[u8]>], key: &[u8]) -> Result<()> {
        let (api, ctx) = (self.api, self.ctx.as_ptr());
        for (i, der) in chain.iter().enumerate() {
            let certificate = OwnedCertificate::parse(api, der.as_ref())?;
            let raw = certificate.raw.as_ptr();
            let added = match api.SSL_CTX_add1_chain_cert {
                // SAFETY: both objects are alive; the library takes a reference of its own.
                _ if i == 0 => unsafe { (api.SSL_CTX_use_certificate)(ctx, raw) == 1 },
                // SAFETY: as above.
                Some(add) => unsafe { add(ctx, raw) == 1 },
                // The 1 stands for "take a reference" here.
                None => self.ctrl(CTRL_CHAIN_CERT, 1, raw.cast()),
            };
            self.judge(added, "bad-certificate-file", "a certificate of the chain cannot be used")?;
        }
        let key = OwnedKey::parse(api, key)?;
        // SAFETY: both objects are alive; the library takes a reference of its own.
        let fits = unsafe {
            (api.SSL_CTX_use_PrivateKey)(ctx, key.raw.as_ptr()) == 1 && (api.SSL_CTX_check_private_key)(ctx) == 1
        };
        self.judge(fits, "key-mismatch", "the private key is not that of the chain's first certificate")
    }

    /// Verify the peer's chain up to one of these certificates (DER); a server does not do without one.
    pub fn set_trust(&mut self, roots: &[impl AsRef<[u8]>]) -> Result<()> {
        let (api, ctx) = (self.api, self.ctx.as_ptr());
        for der in roots {
            let root = OwnedCertificate::parse(api, der.as_ref())?;
            // SAFETY: the store belongs to the context, which is alive; the library takes a reference of its own to the root.
            let added = unsafe { (api.X509_STORE_add_cert)((api.SSL_CTX_get_cert_store)(ctx), root.raw.as_ptr()) == 1 };
            self.judge(added, "bad-certificate-file", "a root cannot be used")?;
        }
        // SAFETY: the context is alive, and no callback means the library's own judgement.
        unsafe { (api.SSL_CTX_set_verify)(ctx, VERIFY_PEER | VERIFY_FAIL_IF_NO_PEER_CERT, None) };
        Ok(())
    }

    /// How many tickets a TLS 1.3 server sends after a full handshake; false if the library cannot be told.
    pub fn set_tickets(&mut self, count: usize) -> bool {
        // SAFETY: the context is alive; the argument is a number.
        self.api.SSL_CTX_set_num_tickets.is_some_and(|set| unsafe { set(self.ctx.as_ptr(), count) } == 1)
    }

    /// A command that is a macro in OpenSSL's headers; `argument` has to be what that command takes.
    fn ctrl(&self, command: c_int, number: c_long, argument: *mut c_void) -> bool {
        // SAFETY: the context is alive; the callers give each command the argument that its macro would.
        self.api.SSL_CTX_ctrl.is_some_and(|ctrl| unsafe { ctrl(self.ctx.as_ptr(), command, number, argument) } > 0)
    }

    fn judge(&self, done: bool, code: &'static str, what: &str) -> Result<()> {
        if done {
            return Ok(());
        }
        Err(Error::local(code, format!("{what}: {}", self.api.reasons())))
    }
}

/// A certificate of ours (`X509`).
struct OwnedCertificate {
    api: &'static Api,
    raw: NonNull<Certificate>,
}

impl OwnedCertificate {
    fn parse(api: &'static Api, der: &[u8]) -> Result<Self> {
        let mut at = der.as_ptr();
        // SAFETY: `at` points to as many bytes as is said; null asks for a new object.
        let raw = unsafe { (api.d2i_X509)(ptr::null_mut(), &raw mut at, long(der)) };
        NonNull::new(raw).map(|raw| Self { api, raw }).ok_or_else(|| {
            Error::local("bad-certificate-file", format!("a certificate cannot be read: {}", api.reasons()))
        })
    }
}

impl Drop for OwnedCertificate {
    fn drop(&mut self) {
        // SAFETY: the reference that is ours.
        unsafe { (self.api.X509_free)(self.raw.as_ptr()) }
    }
}

/// A private key of ours (`EVP_PKEY`).
struct OwnedKey {
    api: &'static Api,
    raw: NonNull<Key>,
}

impl OwnedKey {
    /// Takes over a reference to a key that the library gave; None for a null pointer.
    fn of(api: &'static Api, raw: *mut Key) -> Option<Self> {
        NonNull::new(raw).map(|raw| Self { api, raw })
    }

    fn parse(api: &'static Api, der: &[u8]) -> Result<Self> {
        let mut at = der.as_ptr();
        // SAFETY: as for certificates.
        let raw = unsafe { (api.d2i_AutoPrivateKey)(ptr::null_mut(), &raw mut at, long(der)) };
        NonNull::new(raw)
            .map(|raw| Self { api, raw })
            .ok_or_else(|| Error::local("bad-key", format!("the private key cannot be read: {}", api.reasons())))
    }
}

impl Drop for OwnedKey {
    fn drop(&mut self) {
        // SAFETY: the reference that is ours.
        unsafe { (self.api.EVP_PKEY_free)(self.raw.as_ptr()) }
    }
}

/// The length as `d2i` functions take it.
fn long(buffer: &[u8]) -> c_long {
    c_long::try_from(buffer.len()).unwrap_or(c_long::MAX)
}
