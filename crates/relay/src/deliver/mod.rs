//! The body of one client: header, newest join point, then everything that follows, by a policy for
//! clients that do not keep up. Knows rings and HTTP bodies, not feeds.
