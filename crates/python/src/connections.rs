//! What the kernel knows of accepted connections: bytes received, bytes that their peers do not take.
//!
//! libzmq owns the descriptors and closes them when it likes. So every call here checks by the socket's inode that a
//! descriptor still is the connection that was added, and none is kept open.

// The kernel is asked through libc; each block says why its pointers are good.
#![allow(unsafe_code)]

use std::collections::BTreeMap;
use std::mem::{MaybeUninit, size_of};
use std::os::fd::RawFd;

use pyo3::prelude::*;

/// Length of the part of the kernel's `tcp_info` that is read, and the offsets of its counters (linux/tcp.h).
const TCP_INFO_SIZE: usize = 152;
const BYTES_ACKED: usize = 120;
const BYTES_RECEIVED: usize = 128;
const UNACKED_SEGMENTS: usize = 24;
const UNSENT_BYTES: usize = 144;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    /// Bytes that the kernel has received; 0 for `ipc`.
    received: u64,
    /// Bytes that the peer has taken; for `ipc` those that it has not, which also move while it reads.
    acked: u64,
    /// Whether something waits for the peer.
    waits: bool,
}

/// Counters of accepted connections, read in one sweep without the interpreter's lock.
#[pyclass(module = "oddsengine._core", name = "ConnectionMeter")]
#[derive(Default)]
pub struct PyConnectionMeter {
    connections: BTreeMap<RawFd, (u64, Counts)>,
}

/// A descriptor, bytes received, bytes acknowledged, whether bytes wait; the last two are `None` when it is gone.
type Change = (RawFd, u64, u64, Option<bool>);

#[pymethods]
impl PyConnectionMeter {
    #[new]
    fn new() -> Self {
        Self::default()
    }

    /// Begins to watch an accepted connection; `false` when the descriptor is no socket any more.
    fn add(&mut self, descriptor: i32) -> bool {
        match inode(descriptor) {
            Some(inode) => self.connections.insert(descriptor, (inode, Counts::default())).is_none(),
            None => false,
        }
    }

    fn remove(&mut self, descriptor: i32) {
        self.connections.remove(&descriptor);
    }

    fn __len__(&self) -> usize {
        self.connections.len()
    }

    /// The connections whose counters have moved since the last call, as (descriptor, received, acknowledged, waits);
    /// `waits` is `None` for one that is gone, and forgotten.
    fn changed(&mut self, py: Python<'_>) -> Vec<Change> {
        py.detach(|| {
            let mut changes = Vec::new();
            self.connections.retain(|&descriptor, (inode_of, last)| {
                if inode(descriptor) != Some(*inode_of) {
                    changes.push((descriptor, last.received, last.acked, None));
                    return false;
                }
                let counts = counts(descriptor);
                if counts != *last {
                    *last = counts;
                    changes.push((descriptor, counts.received, counts.acked, Some(counts.waits)));
                }
                true
            });
            changes
        })
    }

    /// Ends a connection; libzmq notices and cleans up. `false` when it is gone already.
    fn shut(&mut self, py: Python<'_>, descriptor: i32) -> bool {
        let Some((expected, _)) = self.connections.remove(&descriptor) else { return false };
        py.detach(|| {
            // SAFETY: plain system calls on numbers. The copy pins the socket: between the check and the end of it
            // the descriptor's number cannot come to mean another one.
            unsafe {
                let copy = libc::fcntl(descriptor, libc::F_DUPFD_CLOEXEC, 0);
                if copy < 0 {
                    return false;
                }
                let is_same = inode(copy) == Some(expected);
                if is_same {
                    libc::shutdown(copy, libc::SHUT_RDWR);
                }
                libc::close(copy);
                is_same
            }
        })
    }
}

/// Whether the kernel holds bytes of one of these connections that libzmq has not read yet.
#[pyfunction]
fn has_unread(descriptors: Vec<i32>) -> bool {
    descriptors.into_iter().any(|descriptor| {
        let mut byte_count: libc::c_int = 0;
        // SAFETY: FIONREAD writes one int, which lives on this stack.
        let status = unsafe { libc::ioctl(descriptor, libc::FIONREAD, &mut byte_count) };
        status == 0 && byte_count > 0
    })
}

/// Gives memory that was freed back to the system.
#[pyfunction]
fn trim_memory(py: Python<'_>) {
    #[cfg(target_env = "gnu")]
    // SAFETY: takes no pointer.
    py.detach(|| unsafe { libc::malloc_trim(0) });
    #[cfg(not(target_env = "gnu"))]
    let _ = py;
}

/// The inode of a socket; `None` for what is none.
fn inode(descriptor: RawFd) -> Option<u64> {
    let mut status = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: fstat fills the whole structure when it returns 0.
    let status = unsafe {
        if libc::fstat(descriptor, status.as_mut_ptr()) != 0 {
            return None;
        }
        status.assume_init()
    };
    (status.st_mode & libc::S_IFMT == libc::S_IFSOCK).then_some(status.st_ino)
}

fn counts(descriptor: RawFd) -> Counts {
    let mut info = [0_u8; TCP_INFO_SIZE];
    let mut size = size_of::<[u8; TCP_INFO_SIZE]>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `size` bytes, which is the length of `info`.
    let status = unsafe {
        libc::getsockopt(descriptor, libc::IPPROTO_TCP, libc::TCP_INFO, info.as_mut_ptr().cast(), &mut size)
    };
    if status == 0 && size as usize == TCP_INFO_SIZE {
        let long = |at: usize| u64::from_ne_bytes(info[at..at + 8].try_into().expect("eight bytes"));
        let word = |at: usize| u32::from_ne_bytes(info[at..at + 4].try_into().expect("four bytes"));
        let waits = word(UNSENT_BYTES) > 0 || word(UNACKED_SEGMENTS) > 0;
        return Counts { received: long(BYTES_RECEIVED), acked: long(BYTES_ACKED), waits };
    }
    let mut waiting: libc::c_int = 0;
    // SAFETY: TIOCOUTQ writes one int, which lives on this stack.
    let status = unsafe { libc::ioctl(descriptor, libc::TIOCOUTQ, &mut waiting) };
    let waiting = if status == 0 { u64::try_from(waiting).unwrap_or(0) } else { 0 };
    Counts { received: 0, acked: waiting, waits: waiting > 0 }
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyConnectionMeter>()?;
    module.add_function(wrap_pyfunction!(has_unread, module)?)?;
    module.add_function(wrap_pyfunction!(trim_memory, module)?)
}
