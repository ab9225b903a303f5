//! Streams: what clients ask for. One command for all of them, one for each, one picture, or the
//! bytes of a feed as they are.
