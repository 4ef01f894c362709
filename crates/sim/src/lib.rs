//! Seeded workloads, the naive second engine and the auditor.
