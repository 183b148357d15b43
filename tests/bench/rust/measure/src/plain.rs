//! A connection without a client: to prepare keys, to ask the server, and as a base line.

use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// A connection that sends commands one after the other. It blocks.
pub struct Plain {
    input: BufReader<TcpStream>,
    output: BufWriter<TcpStream>,
}

impl Plain {
    pub fn dial(addr: &str) -> Result<Self> {
        let stream = TcpStream::connect(addr)?;
        stream.set_nodelay(true)?;
        Ok(Self { output: BufWriter::new(stream.try_clone()?), input: BufReader::new(stream) })
    }

    /// Sends a command and gives the reply: a line, or a bulk string.
    pub fn ask(&mut self, arguments: &[&[u8]]) -> Result<Vec<u8>> {
        self.send(arguments)?;
        self.flush()?;
        self.receive()
    }

    /// Writes a command. It may stay in the buffer until `flush`.
    pub fn send(&mut self, arguments: &[&[u8]]) -> Result<()> {
        write!(self.output, "*{}\r\n", arguments.len())?;
        for argument in arguments {
            write!(self.output, "${}\r\n", argument.len())?;
            self.output.write_all(argument)?;
            self.output.write_all(b"\r\n")?;
        }
        Ok(())
    }

    /// Sends what is in the buffer.
    pub fn flush(&mut self) -> Result<()> {
        Ok(self.output.flush()?)
    }

    /// Reads one reply.
    pub fn receive(&mut self) -> Result<Vec<u8>> {
        let mut line = Vec::new();
        self.input.read_until(b'\n', &mut line)?;
        let Some(line) = line.strip_suffix(b"\r\n") else { bail!("the connection ended") };
        match line {
            [b'-', text @ ..] => bail!("the server said: {}", String::from_utf8_lossy(text)),
            b"$-1" => Ok(line.to_vec()),
            [b'$', size @ ..] => {
                let size: usize = std::str::from_utf8(size)?.parse().context("the size of a reply")?;
                let mut body = vec![0; size + 2];
                self.input.read_exact(&mut body)?;
                body.truncate(size);
                Ok(body)
            }
            [_, rest @ ..] => Ok(rest.to_vec()),
            [] => bail!("an empty reply"),
        }
    }

    /// The processor time that the server has used so far.
    pub fn server_cpu(&mut self) -> Result<Duration> {
        let info = self.ask(&[b"INFO", b"cpu"])?;
        seconds(&String::from_utf8_lossy(&info)).map(Duration::from_secs_f64)
    }
}

fn seconds(info: &str) -> Result<f64> {
    let mut total = 0.0;
    for line in info.lines() {
        if let Some(("used_cpu_sys" | "used_cpu_user", value)) = line.trim().split_once(':') {
            total += value.parse::<f64>().context("INFO's processor time")?;
        }
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn reads_replies_and_writes_commands() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let mut plain = Plain::dial(&listener.local_addr().unwrap().to_string()).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        server.write_all(b"+OK\r\n$5\r\na\r\nbc\r\n$-1\r\n-ERR no\r\n:7\r\n").unwrap();
        drop(plain.ask(&[b"GET", b"k"]).unwrap());
        let mut seen = [0; 20];
        server.read_exact(&mut seen).unwrap();
        assert_eq!(&seen, b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n");
        assert_eq!(plain.receive().unwrap(), b"a\r\nbc");
        assert_eq!(plain.receive().unwrap(), b"$-1");
        assert!(plain.receive().unwrap_err().to_string().contains("ERR no"));
        assert_eq!(plain.receive().unwrap(), b"7");
        drop(server);
        assert!(plain.receive().is_err());
    }

    #[test]
    fn adds_up_the_servers_time() {
        let info = "# CPU\r\nused_cpu_sys:1.5\r\nused_cpu_user:2.25\r\nused_cpu_sys_children:9\r\n";
        assert_eq!(seconds(info).unwrap(), 3.75);
        assert!(seconds("used_cpu_sys:x").is_err());
    }
}
