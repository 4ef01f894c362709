//! A file descriptor that is readable when something moved, for pollers that also wait on sockets.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};

/// A socket pair that never holds more than a few bytes. A pipe would do, but std cannot make one non-blocking.
#[derive(Debug)]
pub(crate) struct Wakeup {
    is_signalled: AtomicBool,
    reader: UnixStream,
    writer: UnixStream,
}

impl Wakeup {
    pub fn new() -> io::Result<Self> {
        let (reader, writer) = UnixStream::pair()?;
        reader.set_nonblocking(true)?;
        writer.set_nonblocking(true)?;
        Ok(Self { is_signalled: AtomicBool::new(false), reader, writer })
    }

    /// Makes the descriptor readable. Call it after the change that it announces.
    pub fn signal(&self) {
        if !self.is_signalled.swap(true, Ordering::AcqRel) {
            // It can only fail when the buffer is full, and then the descriptor is readable already.
            let _ = (&self.writer).write(&[1]);
        }
    }

    /// Makes the descriptor unreadable. Look at the state *after* this call.
    ///
    /// The bytes go before the flag: a signal between the two finds the flag set and writes nothing, and the
    /// swap here makes its change visible to the caller. The other order could eat its byte and keep its flag.
    pub fn drain(&self) {
        let mut bytes = [0; 64];
        while matches!((&self.reader).read(&mut bytes), Ok(size) if size > 0) {}
        self.is_signalled.swap(false, Ordering::AcqRel);
    }

    pub fn as_raw_fd(&self) -> RawFd {
        self.reader.as_raw_fd()
    }

    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.reader.as_fd()
    }
}
