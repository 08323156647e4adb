//! The policy language: parse, validate, compile, evaluate, explain. No I/O, no clock, no async.
