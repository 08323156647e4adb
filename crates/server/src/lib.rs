//! Configuration, listeners, dispatch, admin API.
