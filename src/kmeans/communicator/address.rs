//! Where a process listens, and how the others reach it.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::time::Duration;

use crate::base::error::{Error, Finding, Result};

/// How long one attempt to connect may take.
const ATTEMPT: Duration = Duration::from_secs(5);

/// The ports on which a process listens.
pub(super) struct Listeners {
    listeners: Vec<TcpListener>,
    /// Host names or addresses, each with its port.
    addresses: Vec<String>,
}

impl Listeners {
    /// Listens on all interfaces, or on `interface`: its name, or one of its addresses.
    ///
    /// # Errors
    /// `Usage` for an unknown interface; `Failed` if no port is free.
    pub(super) fn open(interface: Option<&str>) -> Result<Listeners> {
        let failed = |e: io::Error| {
            let finding = Finding::new("can't listen for the other processes of this k-means").found(e.to_string());
            Error::failed(finding.hint("name an address of this machine with --interface"))
        };
        let (listeners, addresses) = match interface {
            Some(interface) => {
                let listeners = addresses_of(interface)?.into_iter().map(|address| TcpListener::bind((address, 0)));
                let listeners = listeners.collect::<io::Result<Vec<_>>>().map_err(failed)?;
                let own = |listener: &TcpListener| listener.local_addr().map(|address| address.to_string());
                let addresses = listeners.iter().map(own).collect::<io::Result<Vec<_>>>().map_err(failed)?;
                (listeners, addresses)
            }
            None => {
                let (listeners, port) = on_all_interfaces().map_err(failed)?;
                (listeners, vec![format!("{}:{port}", host_name())])
            }
        };
        listeners.iter().try_for_each(|listener| listener.set_nonblocking(true)).map_err(failed)?;
        Ok(Listeners { listeners, addresses })
    }

    /// What the others need to [`reach`] this process, as text without spaces.
    pub(super) fn announced(&self) -> String {
        self.addresses.join(",")
    }

    /// The next connection; `WouldBlock` if there is none.
    pub(super) fn accept(&self) -> io::Result<TcpStream> {
        for listener in &self.listeners {
            match listener.accept() {
                Err(e) if e.kind() == ErrorKind::WouldBlock => {}
                other => return other.map(|(stream, _)| stream),
            }
        }
        Err(ErrorKind::WouldBlock.into())
    }
}

/// Listeners for IPv6 and IPv4 on one port. On most systems the first takes both; on the others the second adds IPv4.
fn on_all_interfaces() -> io::Result<(Vec<TcpListener>, u16)> {
    let six = TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)).ok();
    let port = six.as_ref().map_or(Ok(0), |six| six.local_addr().map(|address| address.port()))?;
    match (six, TcpListener::bind((Ipv4Addr::UNSPECIFIED, port))) {
        (Some(six), four) => Ok((std::iter::once(six).chain(four.ok()).collect(), port)),
        (None, four) => {
            let four = four?;
            let port = four.local_addr()?.port();
            Ok((vec![four], port))
        }
    }
}

/// The addresses of an interface. Those that are valid on one link only are no use to other machines.
fn addresses_of(interface: &str) -> Result<Vec<IpAddr>> {
    if let Ok(address) = interface.trim_matches(['[', ']']).parse() {
        return Ok(vec![address]);
    }
    let all = if_addrs::get_if_addrs().map_err(|e| {
        Error::failed(Finding::new("can't list the network interfaces of this machine").found(e.to_string()))
    })?;
    let named = all.iter().filter(|one| one.name == interface).map(if_addrs::Interface::ip);
    let named: Vec<IpAddr> = named.filter(|address| !on_one_link(address)).collect();
    if named.is_empty() {
        let mut names: Vec<&str> = all.iter().map(|one| one.name.as_str()).collect();
        names.dedup();
        return Err(Error::usage(
            Finding::new("this machine has no network interface of this name with an address")
                .expected(format!("an address of this machine, or one of: {}", names.join(", ")))
                .found(interface)
                .hint("list the interfaces of the machine, and name one that all machines reach with --interface"),
        ));
    }
    Ok(named)
}

fn on_one_link(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

fn host_name() -> String {
    gethostname::gethostname().to_string_lossy().into_owned()
}

/// Connects to a process by what it [announced](Listeners::announced); `None` if it can't be reached.
pub(super) fn reach(announced: &str) -> Option<TcpStream> {
    announced.split(',').flat_map(candidates).find_map(|address| TcpStream::connect_timeout(&address, ATTEMPT).ok())
}

fn candidates(address: &str) -> Vec<SocketAddr> {
    let port = address.strip_prefix(&host_name()).and_then(|rest| rest.strip_prefix(':'));
    // a host may be unable to resolve its own name
    let own = port.and_then(|port| port.parse().ok()).map(|port: u16| {
        [SocketAddr::from((Ipv4Addr::LOCALHOST, port)), SocketAddr::from((Ipv6Addr::LOCALHOST, port))]
    });
    let resolved = if own.is_some() { None } else { address.to_socket_addrs().ok() };
    own.into_iter().flatten().chain(resolved.into_iter().flatten()).collect()
}
