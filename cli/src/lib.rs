//! The sextant command: serve, import, search, trace, sql, services, status, demo.
