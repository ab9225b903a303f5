//! Command lines: split into words once, as a POSIX shell would, and never given to a shell.
//! Placeholders are replaced inside a word; a value can neither add a word nor split one.
