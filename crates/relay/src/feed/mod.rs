//! Feeds: one source of media each, started when somebody needs it or kept running, brought back
//! when it dies or falls silent, and ended when nobody needs it any more.
