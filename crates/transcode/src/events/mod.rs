//! What happens to jobs, as plain values.
