//! A small TCP proxy in front of each member. Its port is the one in the replica set's configuration, so that members
//! come through it too.
//!
//! Who opened a connection stands in the first message on it: a server that runs with test commands says in its greeting
//! at which port it listens (`hostInfo`), a program says no such thing.

use std::io;
use std::net::Ipv4Addr;

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::sleep;

use super::links::{MEMBERS, Mode, Party, Table};

/// The field of a greeting that says who greets: a string, by the type byte in front of its name.
const HOST_INFO: &[u8] = b"\x02hostInfo\0";
/// How much is read at once.
const CHUNK: usize = 64 * 1024;
/// The longest greeting.
const GREETING_MAX: usize = 256 * 1024;

/// Everything that a proxy knows.
#[derive(Debug, Clone)]
pub(crate) struct Proxy {
    /// The member behind it.
    pub(crate) to: usize,
    /// The ports at which members really listen.
    pub(crate) ports: [u16; MEMBERS],
    pub(crate) table: watch::Receiver<Table>,
}

impl Proxy {
    /// Listens, at the port that this returns, until the runtime ends.
    pub(crate) async fn start(self) -> Result<u16> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("a proxy cannot listen")?;
        let port = listener.local_addr()?.port();
        tokio::spawn(async move {
            // Without a connection there is nothing to carry: whoever wanted it tries again.
            while let Ok((client, _)) = listener.accept().await {
                let proxy = self.clone();
                tokio::spawn(async move {
                    let _closed = proxy.carry(client).await;
                });
            }
        });
        Ok(port)
    }

    async fn carry(self, mut client: TcpStream) -> io::Result<()> {
        let greeting = read_message(&mut client).await?;
        let from = self.who(&greeting);
        let (up, down) = (self.gate(from, Party::Member(self.to)), self.gate(Party::Member(self.to), from));
        let Some(()) = up.clone().pass().await else { return Ok(()) };
        let port = self.ports.get(self.to).copied().unwrap_or_default();
        let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        server.write_all(&greeting).await?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        tokio::select! {
            done = up.clone().pump(from_client, to_server) => done,
            done = down.clone().pump(from_server, to_client) => done,
            () = up.cut() => Ok(()),
            () = down.cut() => Ok(()),
        }
    }

    fn who(&self, greeting: &[u8]) -> Party {
        let member = greeter(greeting).and_then(|port| self.ports.iter().position(|known| *known == port));
        member.map_or(Party::Client, Party::Member)
    }

    fn gate(&self, from: Party, to: Party) -> Gate {
        Gate { from, to, table: self.table.clone() }
    }
}

/// One direction of a connection.
#[derive(Clone)]
struct Gate {
    from: Party,
    to: Party,
    table: watch::Receiver<Table>,
}

impl Gate {
    /// Waits until what was read may go on; `None` when it never may.
    async fn pass(&mut self) -> Option<()> {
        loop {
            let mode = self.table.borrow_and_update().mode(self.from, self.to);
            match mode {
                Mode::Pass => return Some(()),
                Mode::Cut => return None,
                Mode::Hold => self.table.changed().await.ok()?,
                Mode::Delay(time) => {
                    sleep(time).await;
                    return Some(());
                }
            }
        }
    }

    /// Waits until the link is cut.
    async fn cut(mut self) {
        let (from, to) = (self.from, self.to);
        let _no_more_modes = self.table.wait_for(|table| table.mode(from, to) == Mode::Cut).await;
    }

    async fn pump(mut self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) -> io::Result<()> {
        let mut chunk = vec![0; CHUNK];
        loop {
            let count = from.read(&mut chunk).await?;
            let read = chunk.get(..count).unwrap_or_default();
            if read.is_empty() || self.pass().await.is_none() {
                return Ok(());
            }
            to.write_all(read).await?;
        }
    }
}

/// Reads one message of MongoDB's protocol, whose first four bytes are its length.
async fn read_message(from: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length).await?;
    let all = usize::try_from(i32::from_le_bytes(length)).unwrap_or(0).min(GREETING_MAX);
    let mut message = length.to_vec();
    message.resize(all.max(length.len()), 0);
    if let Some(rest) = message.get_mut(length.len()..) {
        from.read_exact(rest).await?;
    }
    Ok(message)
}

/// The port of the server that greets.
fn greeter(greeting: &[u8]) -> Option<u16> {
    let at = greeting.windows(HOST_INFO.len()).position(|window| window == HOST_INFO)?;
    let value = greeting.get(at + HOST_INFO.len()..)?;
    let (length, text) = value.split_first_chunk::<4>()?;
    let length = usize::try_from(i32::from_le_bytes(*length)).ok()?;
    let host = std::str::from_utf8(text.get(..length.checked_sub(1)?)?).ok()?;
    host.rsplit_once(':')?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::super::links::{Links, Way};
    use super::*;

    const A_WHILE: Duration = Duration::from_millis(50);
    const LONG: Duration = Duration::from_secs(20);

    /// A proxy before member 0 and an open connection through it that member 1 opened: its end, and the server's.
    async fn connection(links: &Links) -> (TcpStream, TcpStream) {
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let ports = [server.local_addr().expect("bound").port(), 27_002, 27_003];
        let port = Proxy { to: 0, ports, table: links.watch() }.start().await.expect("listens");
        let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.expect("connects");
        let mut greeting = greeting("box:27002");
        let length = i32::try_from(greeting.len()).expect("short").to_le_bytes();
        greeting.splice(..4, length);
        client.write_all(&greeting).await.expect("sent");
        let (mut served, _) = server.accept().await.expect("carried on");
        let mut first = vec![0; greeting.len()];
        served.read_exact(&mut first).await.expect("the greeting");
        assert_eq!(first, greeting);
        (client, served)
    }

    async fn says(from: &mut TcpStream, to: &mut TcpStream, within: Duration) -> bool {
        from.write_all(b"x").await.expect("sent");
        timeout(within, to.read_u8()).await.is_ok_and(|read| read.is_ok())
    }

    #[tokio::test]
    async fn what_is_held_one_way_arrives_later_and_the_other_way_at_once() {
        let links = Links::new();
        let (mut one, mut zero) = connection(&links).await;
        assert!(says(&mut one, &mut zero, LONG).await && says(&mut zero, &mut one, LONG).await);
        links.peers(1, Way::To, Mode::Hold);
        assert!(says(&mut one, &mut zero, LONG).await);
        assert!(!says(&mut zero, &mut one, A_WHILE).await);
        links.heal();
        assert_eq!(one.read_u8().await.expect("it arrives"), b'x');
    }

    #[tokio::test]
    async fn what_is_delayed_arrives_and_what_is_cut_is_closed() {
        let links = Links::new();
        let (mut one, mut zero) = connection(&links).await;
        links.peers(0, Way::Both, Mode::Delay(20 * A_WHILE));
        assert!(!says(&mut one, &mut zero, A_WHILE).await);
        assert_eq!(zero.read_u8().await.expect("it arrives"), b'x');
        links.clients(0, Mode::Cut);
        assert!(timeout(A_WHILE, one.read_u8()).await.is_err(), "a member is no client");
        links.peers(0, Way::From, Mode::Cut);
        assert!(one.read_u8().await.is_err() && zero.read_u8().await.is_err());
    }

    fn greeting(host: &str) -> Vec<u8> {
        let mut message = b"....\x10hello\0\x01\0\0\0\x02hostInfo\0".to_vec();
        message.extend(i32::try_from(host.len() + 1).expect("short").to_le_bytes());
        message.extend(host.as_bytes());
        message.extend(b"\0\0");
        message
    }

    #[test]
    fn a_member_is_known_by_its_port_and_anyone_else_is_a_client() {
        let table = watch::Sender::new(Table::default()).subscribe();
        let proxy = Proxy { to: 0, ports: [27_001, 27_002, 27_003], table };
        assert_eq!(proxy.who(&greeting("box:27002")), Party::Member(1));
        assert_eq!(proxy.who(&greeting("box:27009")), Party::Client);
        assert_eq!(proxy.who(b"\x10hello\0\x01\0\0\0\0"), Party::Client);
        assert_eq!(proxy.who(&greeting("box:27002")[..30]), Party::Client);
    }
}
