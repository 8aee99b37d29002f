//! Forwarding: TLS ends here, and what the client says goes to an upstream, plain or over TLS of its own.

mod proxy_protocol;
mod relay;
mod upstream;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use mio::net::{TcpStream, UnixStream};
use rustls::client::{Resumption, UnbufferedClientConnection};
use rustls_pki_types::ServerName;
use serde::Deserialize;

use super::config::duration;
use super::stream::Stream;
use crate::client::{ClientConfig, ClientSpec};
use crate::{Error, Result};

pub use proxy_protocol::Introduction;
pub use relay::{Forward, Relay, Up};
pub use upstream::{End, Heard, Link, Upstream};

/// Sessions with the upstream that are kept to be resumed, for all connections together.
const SESSIONS: usize = 256;

/// `tlstool.sites.Forward`, made `plain`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForwardSpec {
    pub addresses: Vec<String>,
    pub path: Option<String>,
    pub tls: Option<ClientSpec>,
    pub proxy_protocol: bool,
    pub limit: f64,
}

/// Where connections are forwarded to, and how.
pub struct Target {
    /// To be tried in this order.
    pub addresses: Vec<Address>,
    pub proxy_protocol: bool,
    /// What connecting may take, over all addresses, and a handshake with the upstream once more.
    pub limit: Duration,
    tls: Option<(Arc<rustls::ClientConfig>, ServerName<'static>)>,
}

impl Target {
    pub fn new(spec: &ForwardSpec) -> Result<Self> {
        let addresses = match &spec.path {
            Some(path) => vec![Address::unix(path)?],
            None => spec.addresses.iter().map(|text| Address::tcp(text)).collect::<Result<Vec<_>>>()?,
        };
        if addresses.is_empty() {
            return Err(Error::Usage("there is no address to forward to".to_owned()));
        }
        let tls = spec.tls.as_ref().map(upstream_tls).transpose()?;
        Ok(Self { addresses, proxy_protocol: spec.proxy_protocol, limit: duration("limit", spec.limit)?, tls })
    }

    /// Our side of a TLS session with the upstream, which offers what was agreed on with the client; None for none at all.
    pub fn session(&self, alpn: Option<&[u8]>) -> Result<Option<UnbufferedClientConnection>> {
        let Some((config, name)) = &self.tls else { return Ok(None) };
        let (config, name) = (Arc::clone(config), name.clone());
        Ok(Some(match alpn {
            Some(protocol) => UnbufferedClientConnection::new_with_alpn(config, name, vec![protocol.to_vec()])?,
            None => UnbufferedClientConnection::new(config, name)?,
        }))
    }
}

fn upstream_tls(spec: &ClientSpec) -> Result<(Arc<rustls::ClientConfig>, ServerName<'static>)> {
    let config = ClientConfig::new(spec)?;
    if config.framing().is_some() || config.wants_buffers() {
        return Err(Error::Unsupported("an upstream is reached by plain TLS connections alone".to_owned()));
    }
    Ok((config.enforced(Resumption::in_memory_sessions(SESSIONS)), config.server_name()))
}

/// One address of an upstream.
pub enum Address {
    Tcp(SocketAddr),
    Unix { address: std::os::unix::net::SocketAddr, path: String },
}

impl Address {
    fn tcp(text: &str) -> Result<Self> {
        text.parse().map(Self::Tcp).map_err(|_| Error::Usage(format!("{text:?} is no address to forward to")))
    }

    /// `@` begins a name in the abstract namespace of Linux.
    fn unix(path: &str) -> Result<Self> {
        use std::os::unix::net::SocketAddr;

        #[cfg(target_os = "linux")]
        let address = {
            use std::os::linux::net::SocketAddrExt;
            path.strip_prefix('@').map_or_else(|| SocketAddr::from_pathname(path), SocketAddr::from_abstract_name)
        };
        #[cfg(not(target_os = "linux"))]
        let address = SocketAddr::from_pathname(path);
        let address = address.map_err(|_| Error::Usage(format!("{path:?} is no path of a socket")))?;
        Ok(Self::Unix { address, path: path.to_owned() })
    }

    /// Begin to connect.
    fn dial(&self) -> io::Result<Stream> {
        match self {
            Self::Tcp(address) => {
                let stream = TcpStream::connect(*address)?;
                stream.set_nodelay(true)?;
                Ok(stream.into())
            }
            Self::Unix { address, .. } => Ok(UnixStream::connect_addr(address)?.into()),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix { path, .. } => write!(f, "unix:{path}"),
        }
    }
}
