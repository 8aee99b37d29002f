//! Sessions that a client may resume.

use std::cell::Cell;
use std::ffi::c_int;
use std::ptr::{self, NonNull};

use super::Api;
use super::symbols::{Ssl, SslSession};

/// A session (`SSL_SESSION`) that is ours.
pub struct Session {
    api: &'static Api,
    pub(super) raw: NonNull<SslSession>,
}

// SAFETY: a session belongs to no thread, and its references are counted atomically.
unsafe impl Send for Session {}

impl Drop for Session {
    fn drop(&mut self) {
        // SAFETY: the reference that is ours.
        unsafe { (self.api.SSL_SESSION_free)(self.raw.as_ptr()) }
    }
}

impl Session {
    /// The one that came to a client on this thread since the last call, if any.
    ///
    /// Only [`keep`] tells of sessions in TLS 1.3 on every libssl: BoringSSL's `SSL_get1_session` gives one that cannot be resumed.
    pub fn arrived(api: &'static Api) -> Option<Self> {
        NonNull::new(ARRIVED.replace(ptr::null_mut())).map(|raw| Self { api, raw })
    }
}

thread_local! {
    /// A callback is given no pointer of ours, but it is called by a call of ours, and so on the same thread.
    static ARRIVED: Cell<*mut SslSession> = const { Cell::new(ptr::null_mut()) };
}

/// For `SSL_CTX_sess_set_new_cb`: takes the session, unless there is one already that nobody has fetched.
pub(super) unsafe extern "C" fn keep(_: *mut Ssl, session: *mut SslSession) -> c_int {
    if ARRIVED.get().is_null() {
        ARRIVED.set(session);
        // The reference is ours now.
        1
    } else {
        0
    }
}
