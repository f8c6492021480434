//! Files from elsewhere are read by a library that does not always say politely what is wrong with them.

use crate::ColumnsError;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    static IS_GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// What `read` says of bytes from elsewhere; if it panics, that they make no sense. Nothing is printed then.
///
/// # Errors
/// What `read` fails with, or that it broke off.
pub fn guarded<T, E: From<ColumnsError>>(read: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let others = take_hook();
        set_hook(Box::new(move |info| {
            if !IS_GUARDED.get() {
                others(info);
            }
        }));
    });
    let before = IS_GUARDED.replace(true);
    // What was being worked at is thrown away with what it left half done.
    let done = catch_unwind(AssertUnwindSafe(read));
    IS_GUARDED.set(before);
    done.unwrap_or_else(|_panic| {
        Err(ColumnsError::Damaged { kind: "Parquet file", what: "its pages make no sense" }.into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error() {
        let fails = guarded(|| -> Result<(), ColumnsError> { panic!("a library's words") });
        assert!(fails.expect_err("it broke off").to_string().contains("make no sense"));
        assert_eq!(guarded(|| Ok::<_, ColumnsError>(7)).expect("a number"), 7);
    }
}
