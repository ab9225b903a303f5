//! Runs tasks with the slots of a machine.
