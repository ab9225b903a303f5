//! Requests and states of jobs.
