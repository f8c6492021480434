//! Crossings: socket to store to query, real clients, kill -9.
