//! The messages with which two processes get to know each other: a hello, an answer, and a confirmation.
//!
//! Without the confirmation, a process could take a connection for one that the other has already given up.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::base::numeric::to_u32;

/// Bytes of the token and of the fingerprint.
pub(super) const TOKEN: usize = 32;
/// How long the other process may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Most bytes of a text. A greater length is damaged.
const LONGEST_TEXT: usize = 1 << 20;

/// What a process says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hello {
    /// Proves that it can read the file of the rendezvous.
    pub(super) token: [u8; TOKEN],
    /// Fingerprint of settings and inputs.
    pub(super) fingerprint: [u8; TOKEN],
    pub(super) rank: usize,
    pub(super) size: usize,
    /// Where it listens.
    pub(super) announced: String,
}

/// The answer of the process that is greeted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// It belongs to this k-means.
    Welcome,
    /// It has other settings.
    Refused,
    /// It is no process of a k-means, or gave no answer in time.
    Stranger,
}

impl Hello {
    /// Introduces this process.
    pub(super) fn say(&self, stream: &mut TcpStream) -> Answer {
        match self.ask(stream) {
            Ok(1) => Answer::Welcome,
            Ok(0) => Answer::Refused,
            _ => Answer::Stranger,
        }
    }

    fn ask(&self, stream: &mut TcpStream) -> io::Result<u8> {
        patient(stream)?;
        // in the byte order of this machine: another order is another size, which is refused
        let numbers = [to_u32(self.rank), to_u32(self.size)].map(u32::to_ne_bytes);
        stream.write_all(&[&self.token[..], &self.fingerprint, numbers.as_flattened()].concat())?;
        write_text(stream, &self.announced)?;
        let mut answer = [0];
        stream.read_exact(&mut answer)?;
        if answer == [1] {
            stream.write_all(&[1])?;
        }
        Ok(answer[0])
    }

    /// Hears another process out; `None` if it does not know the token.
    pub(super) fn hear(stream: &mut TcpStream, token: &[u8; TOKEN]) -> Option<Hello> {
        patient(stream).ok()?;
        let mut fixed = [0; 2 * TOKEN + 8];
        stream.read_exact(&mut fixed).ok()?;
        let (theirs, rest) = fixed.split_first_chunk::<TOKEN>()?;
        let (fingerprint, numbers) = rest.split_first_chunk::<TOKEN>()?;
        let numbers = numbers.as_chunks::<4>().0;
        let number = |at: usize| u32::from_ne_bytes(numbers[at]) as usize;
        if theirs != token {
            return None;
        }
        let announced = read_text(stream).ok()?;
        Some(Hello { token: *theirs, fingerprint: *fingerprint, rank: number(0), size: number(1), announced })
    }
}

/// Answers a hello. Returns whether the other process confirmed.
pub(super) fn answer(stream: &mut TcpStream, welcome: bool) -> bool {
    let mut confirmed = [0];
    let answered = stream.write_all(&[u8::from(welcome)]).and_then(|()| stream.read_exact(&mut confirmed));
    answered.is_ok() && confirmed == [1]
}

fn patient(stream: &TcpStream) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))
}

/// Writes a text with its length.
pub(super) fn write_text(stream: &mut TcpStream, text: &str) -> io::Result<()> {
    stream.write_all(&[&to_u32(text.len()).to_ne_bytes(), text.as_bytes()].concat())
}

/// Reads a text with its length.
pub(super) fn read_text(stream: &mut TcpStream) -> io::Result<String> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = u32::from_ne_bytes(length) as usize;
    if length > LONGEST_TEXT {
        return Err(ErrorKind::InvalidData.into());
    }
    let mut text = vec![0; length];
    stream.read_exact(&mut text)?;
    String::from_utf8(text).map_err(|_| ErrorKind::InvalidData.into())
}

/// A token that nobody can guess: the standard library seeds its maps from the system's random numbers.
pub(super) fn random_token() -> [u8; TOKEN] {
    let mut token = [0; TOKEN];
    for part in token.as_chunks_mut::<8>().0 {
        *part = RandomState::new().hash_one(std::process::id()).to_le_bytes();
    }
    token
}

/// A token as text.
pub(super) fn hex(bytes: &[u8; TOKEN]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A malformed token decodes to one that no host accepts.
pub(super) fn unhex(text: &str) -> [u8; TOKEN] {
    let byte = |at: usize| text.get(2 * at..2 * at + 2).and_then(|two| u8::from_str_radix(two, 16).ok()).unwrap_or(0);
    std::array::from_fn(byte)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_hello_with_a_damaged_length_or_another_token_is_a_strangers() {
        let token = [5; TOKEN];
        let hello = Hello { token, fingerprint: [6; TOKEN], rank: 1, size: 2, announced: "[::1]:7".to_owned() };
        let heard = |token: &[u8; TOKEN], length: Option<u32>| {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
            let mut ours = TcpStream::connect(listener.local_addr().expect("bound")).expect("connects");
            let numbers = [1_u32, 2].map(u32::to_ne_bytes);
            let fixed = [&hello.token[..], &hello.fingerprint, numbers.as_flattened()].concat();
            ours.write_all(&fixed).expect("sent");
            match length {
                Some(length) => ours.write_all(&length.to_ne_bytes()).expect("sent"),
                None => write_text(&mut ours, &hello.announced).expect("sent"),
            }
            drop(ours);
            Hello::hear(&mut listener.accept().expect("accepts").0, token)
        };
        assert_eq!(heard(&token, None), Some(hello.clone()));
        assert_eq!(heard(&[4; TOKEN], None), None);
        for length in [u32::MAX, 1 << 21, 1] {
            assert_eq!(heard(&token, Some(length)), None, "{length} bytes that never come");
        }
    }

    #[test]
    fn tokens_survive_the_way_through_a_file() {
        let token = random_token();
        assert_eq!(unhex(&hex(&token)), token);
        assert_ne!(random_token(), token);
        assert_eq!(unhex("zz"), [0; TOKEN]);
    }
}
