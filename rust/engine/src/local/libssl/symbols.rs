//! The functions of a libssl with their types, and the loading of it.
//!
//! The types are those of the headers of OpenSSL 3.0, BoringSSL and AWS-LC, which agree in every function that is listed; where a
//! macro stands in one for a function in the other, the function is optional and its presence decides.

use std::ffi::{CStr, c_char, c_int, c_long, c_uchar, c_ulong, c_void};
use std::path::{Path, PathBuf};
use std::ptr;

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};

use crate::Result;
use crate::local::elf::bad_library;

/// The C types behind the pointers; only the library knows what is in them.
pub enum Bio {}
pub enum Certificate {}
pub enum Cipher {}
pub enum Key {}
pub enum Method {}
pub enum Ssl {}
pub enum SslCtx {}
pub enum SslSession {}
pub enum Store {}

/// Takes one line of the error queue (`ERR_print_errors_cb`).
type ErrorLine = unsafe extern "C" fn(*const c_char, usize, *mut c_void) -> c_int;
/// Judges a certificate itself (`SSL_CTX_set_verify`); we never give one.
type VerifyCallback = unsafe extern "C" fn(c_int, *mut c_void) -> c_int;
/// Is handed a new session, and says whether it keeps it (`SSL_CTX_sess_set_new_cb`).
type NewSession = unsafe extern "C" fn(*mut Ssl, *mut SslSession) -> c_int;

macro_rules! functions {
    (
        required { $($name:ident: fn($($argument:ty),*) $(-> $result:ty)?;)* }
        optional { $($maybe:ident: fn($($maybe_argument:ty),*) -> $maybe_result:ty;)* }
    ) => {
        /// The functions of a loaded library, by their names in C.
        #[allow(non_snake_case)]
        pub struct Api {
            $(pub(super) $name: unsafe extern "C" fn($($argument),*) $(-> $result)?,)*
            $(pub(super) $maybe: Option<unsafe extern "C" fn($($maybe_argument),*) -> $maybe_result>,)*
        }

        impl Api {
            fn find(library: &Library, path: &Path) -> Result<Self> {
                // SAFETY: each name is looked up with the type that the headers give it.
                unsafe {
                    Ok(Self {
                        $($name: symbol(library, stringify!($name)).ok_or_else(|| {
                            bad_library(&format!("{} has no {}: it is no libssl, or too old", path.display(), stringify!($name)))
                        })?,)*
                        $($maybe: symbol(library, stringify!($maybe)),)*
                    })
                }
            }
        }
    };
}

functions! {
    required {
        OpenSSL_version: fn(c_int) -> *const c_char;
        ERR_clear_error: fn();
        ERR_print_errors_cb: fn(ErrorLine, *mut c_void);
        BIO_new_bio_pair: fn(*mut *mut Bio, usize, *mut *mut Bio, usize) -> c_int;
        BIO_up_ref: fn(*mut Bio) -> c_int;
        BIO_free: fn(*mut Bio) -> c_int;
        BIO_read: fn(*mut Bio, *mut c_void, c_int) -> c_int;
        d2i_X509: fn(*mut *mut Certificate, *mut *const c_uchar, c_long) -> *mut Certificate;
        X509_free: fn(*mut Certificate);
        d2i_AutoPrivateKey: fn(*mut *mut Key, *mut *const c_uchar, c_long) -> *mut Key;
        EVP_PKEY_free: fn(*mut Key);
        X509_STORE_add_cert: fn(*mut Store, *mut Certificate) -> c_int;
        X509_verify_cert_error_string: fn(c_long) -> *const c_char;
        TLS_method: fn() -> *const Method;
        SSL_CTX_new: fn(*const Method) -> *mut SslCtx;
        SSL_CTX_free: fn(*mut SslCtx);
        SSL_CTX_use_certificate: fn(*mut SslCtx, *mut Certificate) -> c_int;
        SSL_CTX_use_PrivateKey: fn(*mut SslCtx, *mut Key) -> c_int;
        SSL_CTX_check_private_key: fn(*const SslCtx) -> c_int;
        SSL_CTX_get_cert_store: fn(*const SslCtx) -> *mut Store;
        SSL_CTX_set_verify: fn(*mut SslCtx, c_int, Option<VerifyCallback>);
        SSL_CTX_sess_set_new_cb: fn(*mut SslCtx, Option<NewSession>);
        // An unsigned int in OpenSSL, a size_t in BoringSSL: as an argument, the wider type serves both.
        SSL_CTX_set_session_id_context: fn(*mut SslCtx, *const c_uchar, usize) -> c_int;
        SSL_CTX_set_cipher_list: fn(*mut SslCtx, *const c_char) -> c_int;
        SSL_new: fn(*mut SslCtx) -> *mut Ssl;
        SSL_free: fn(*mut Ssl);
        SSL_set_bio: fn(*mut Ssl, *mut Bio, *mut Bio);
        SSL_set_connect_state: fn(*mut Ssl);
        SSL_set_accept_state: fn(*mut Ssl);
        SSL_set1_host: fn(*mut Ssl, *const c_char) -> c_int;
        SSL_do_handshake: fn(*mut Ssl) -> c_int;
        SSL_get_error: fn(*const Ssl, c_int) -> c_int;
        SSL_set_session: fn(*mut Ssl, *mut SslSession) -> c_int;
        SSL_set_shutdown: fn(*mut Ssl, c_int);
        SSL_SESSION_free: fn(*mut SslSession);
        SSL_get_verify_result: fn(*const Ssl) -> c_long;
        SSL_read: fn(*mut Ssl, *mut c_void, c_int) -> c_int;
        SSL_write: fn(*mut Ssl, *const c_void, c_int) -> c_int;
        SSL_version: fn(*const Ssl) -> c_int;
        SSL_get_current_cipher: fn(*const Ssl) -> *const Cipher;
        SSL_CIPHER_get_name: fn(*const Cipher) -> *const c_char;
    }
    optional {
        awslc_api_version_num: fn() -> c_ulong;
        // OpenSSL and LibreSSL, where functions below these two are macros over them.
        SSL_CTX_ctrl: fn(*mut SslCtx, c_int, c_long, *mut c_void) -> c_long;
        SSL_ctrl: fn(*mut Ssl, c_int, c_long, *mut c_void) -> c_long;
        // 64 bits in OpenSSL, 32 in BoringSSL: the wider type serves both, and the answer is left alone.
        SSL_CTX_set_options: fn(*mut SslCtx, u64) -> u64;
        SSL_CTX_set_min_proto_version: fn(*mut SslCtx, u16) -> c_int;
        SSL_CTX_set_max_proto_version: fn(*mut SslCtx, u16) -> c_int;
        SSL_CTX_set1_groups_list: fn(*mut SslCtx, *const c_char) -> c_int;
        SSL_CTX_set1_curves_list: fn(*mut SslCtx, *const c_char) -> c_int;
        SSL_CTX_set_session_cache_mode: fn(*mut SslCtx, c_int) -> c_int;
        SSL_CTX_sess_set_cache_size: fn(*mut SslCtx, c_ulong) -> c_ulong;
        SSL_CTX_set1_sigalgs_list: fn(*mut SslCtx, *const c_char) -> c_int;
        SSL_CTX_add1_chain_cert: fn(*mut SslCtx, *mut Certificate) -> c_int;
        SSL_set_tlsext_host_name: fn(*mut Ssl, *const c_char) -> c_int;
        SSL_session_reused: fn(*const Ssl) -> c_int;
        // LibreSSL makes no tickets in TLS 1.3, and older ones of it know no standard names.
        SSL_CTX_set_num_tickets: fn(*mut SslCtx, usize) -> c_int;
        SSL_CIPHER_standard_name: fn(*const Cipher) -> *const c_char;
        // Whether it is a validated module in its approved mode: BoringSSL, AWS-LC and OpenSSL 1; OpenSSL 3.
        FIPS_mode: fn() -> c_int;
        EVP_default_properties_is_fips_enabled: fn(*mut c_void) -> c_int;
        // TLS 1.3 suites: OpenSSL and AWS-LC; BoringSSL since 2026, by their code points; BoringSSL since 2023, by policies alone.
        SSL_CTX_set_ciphersuites: fn(*mut SslCtx, *const c_char) -> c_int;
        SSL_CTX_set1_tls13_ciphers: fn(*mut SslCtx, *const u16, *const u32, usize) -> c_int;
        SSL_CTX_set_compliance_policy: fn(*mut SslCtx, c_int) -> c_int;
        // OpenSSL from 3.2 on compresses certificates unless told not to.
        SSL_CTX_set1_cert_comp_preference: fn(*mut SslCtx, *mut c_int, usize) -> c_int;
        // The group: OpenSSL from 3.2 on; BoringSSL and AWS-LC; BoringSSL before 2023.
        // Before 3.0, and LibreSSL: only the other end's key.
        EVP_PKEY_id: fn(*const Key) -> c_int;
        EVP_PKEY_bits: fn(*const Key) -> c_int;
        SSL_get0_group_name: fn(*mut Ssl) -> *const c_char;
        SSL_get_group_id: fn(*const Ssl) -> u16;
        SSL_get_curve_id: fn(*const Ssl) -> u16;
        // What the handshake was signed with: BoringSSL and AWS-LC by code point, their own since 2024; OpenSSL by its numbers.
        SSL_get_peer_signature_algorithm: fn(*const Ssl) -> u16;
        SSL_get_signature_algorithm_used: fn(*const Ssl) -> u16;
        SSL_get_peer_signature_type_nid: fn(*const Ssl, *mut c_int) -> c_int;
        SSL_get_signature_type_nid: fn(*const Ssl, *mut c_int) -> c_int;
    }
}

impl Api {
    /// Load the libssl at `path`, and `crypto` before it if it is given.
    ///
    /// It stays loaded for the life of the process: TLS libraries leave handlers for its exit behind.
    pub fn load(path: &Path, crypto: Option<&Path>) -> Result<&'static Self> {
        let open = |path: &Path| {
            // SAFETY: what the library's constructors do is what the user asked for by naming it.
            unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) }
                .map_err(|why| bad_library(&format!("{} cannot be loaded: {why}", path.display())))
        };
        if let Some(crypto) = crypto {
            let _stays_loaded = open(crypto)?.into_raw();
        }
        let library = open(path)?;
        let api = Self::find(&library, path)?;
        let _stays_loaded = library.into_raw();
        // A file that merely depends on a libssl (a Python extension, libcurl) would be measured under a wrong name.
        if let Some(other) = other_origin(api.SSL_CTX_new as *const c_void, path) {
            return Err(bad_library(&format!("{} is no libssl itself, but uses {}", path.display(), other.display())));
        }
        Ok(Box::leak(Box::new(api)))
    }

    /// Fail if the library's cryptography is not that of the libcrypto at `path`, loaded before it or not.
    pub fn check_crypto(&self, library: &Path, path: &Path) -> Result<()> {
        match other_origin(self.OpenSSL_version as *const c_void, path) {
            Some(other) => Err(bad_library(&format!(
                "{} does not use {}, but {}",
                library.display(),
                path.display(),
                other.display()
            ))),
            None => Ok(()),
        }
    }

    /// `OpenSSL_version(OPENSSL_VERSION)`.
    pub fn version(&self) -> String {
        // SAFETY: a static string of the library's.
        unsafe { text((self.OpenSSL_version)(0)) }
    }

    /// `OpenSSL_version(OPENSSL_CFLAGS)`: compiler and options; None if it does not tell.
    pub fn build(&self) -> Option<String> {
        // SAFETY: as above.
        let said = unsafe { text((self.OpenSSL_version)(1)) };
        let said = said.strip_prefix("compiler: ").unwrap_or(&said).trim();
        (!matches!(said, "" | "n/a" | "compiler information not available")).then(|| said.to_owned())
    }

    /// Whether its cryptography is a validated module in its approved mode.
    pub fn is_fips(&self) -> bool {
        // SAFETY: null means the default library context.
        let enabled = self.EVP_default_properties_is_fips_enabled.map(|enabled| unsafe { enabled(ptr::null_mut()) });
        // SAFETY: it takes nothing.
        enabled.or_else(|| self.FIPS_mode.map(|mode| unsafe { mode() })) == Some(1)
    }

    /// Whether it is AWS-LC, which calls itself OpenSSL 1.1.1 in some of its builds.
    pub fn is_aws_lc(&self) -> bool {
        self.awslc_api_version_num.is_some()
    }

    /// Whether it is of the kind that cannot be told which signature schemes to use.
    pub fn chooses_signatures(&self) -> bool {
        self.version().starts_with("LibreSSL")
    }

    /// Forget what went wrong on this thread before: `SSL_get_error` takes whatever is left of that for the fault of the last call.
    pub fn forget_errors(&self) {
        // SAFETY: it takes nothing.
        unsafe { (self.ERR_clear_error)() }
    }

    /// What went wrong, by the reasons in the thread's error queue, which is empty afterwards.
    pub fn reasons(&self) -> String {
        unsafe extern "C" fn collect(line: *const c_char, length: usize, into: *mut c_void) -> c_int {
            // SAFETY: the library lends `length` bytes for the call, and hands `into` on as it got it from below.
            let (line, lines) =
                unsafe { (std::slice::from_raw_parts(line.cast::<u8>(), length), &mut *into.cast::<Vec<String>>()) };
            // thread:error:code:library:function:reason:file:line:data
            let line = String::from_utf8_lossy(line);
            lines.push(line.split(':').nth(5).unwrap_or(&line).to_owned());
            1
        }
        let mut lines: Vec<String> = Vec::new();
        // SAFETY: `collect` has the type that is asked for, and `lines` lives longer than the call.
        unsafe { (self.ERR_print_errors_cb)(collect, (&raw mut lines).cast()) };
        if lines.is_empty() { "no reason given".to_owned() } else { lines.join(", ") }
    }
}

/// A function of the library, or of what it depends on; None if it has none of that name.
///
/// # Safety
/// `T` is the type of a function pointer, and the function's own.
unsafe fn symbol<T: Copy>(library: &Library, name: &str) -> Option<T> {
    // SAFETY: the caller vouches for the type; the copy stays valid, because the library is never unloaded.
    unsafe { library.get::<T>(name.as_bytes()).ok().map(|found| *found) }
}

/// The file that a function was loaded from, if that is not the one at `path`.
fn other_origin(function: *const c_void, path: &Path) -> Option<PathBuf> {
    let mut found = libc::Dl_info {
        dli_fname: ptr::null(),
        dli_fbase: ptr::null_mut(),
        dli_sname: ptr::null(),
        dli_saddr: ptr::null_mut(),
    };
    // SAFETY: `found` is a place for the answer; dladdr only compares the address with what is loaded.
    let origin = unsafe {
        if libc::dladdr(function, &raw mut found) == 0 {
            return None;
        }
        text(found.dli_fname)
    };
    let (given, origin) = (path.canonicalize().ok()?, Path::new(&origin).canonicalize().ok()?);
    (given != origin).then_some(origin)
}

/// A string of the library's, copied; "" for a null pointer.
///
/// # Safety
/// The pointer is null or that of a C string.
pub unsafe fn text(string: *const c_char) -> String {
    if string.is_null() {
        return String::new();
    }
    // SAFETY: as the caller says.
    unsafe { CStr::from_ptr(string) }.to_string_lossy().into_owned()
}
