//! Decoders: foreign bytes in, canonical commands out.
