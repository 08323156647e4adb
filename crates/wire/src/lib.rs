//! Bytes to typed requests and back: SigV4, REST-XML, Query. Decides nothing.
