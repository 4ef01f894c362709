//! What the fuzzer calls: one function a target, in [`targets`].

pub mod targets;
