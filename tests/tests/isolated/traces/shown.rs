//! What programs print of errors and of objects: `Display`, `Debug` in both of its forms, and all sources.

use std::error::Error;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

/// All of it, each with where it is from.
#[derive(Clone, Default)]
pub(crate) struct Shown(Arc<Mutex<Vec<(String, String)>>>);

impl Shown {
    /// An object, as `Debug` shows it.
    pub(crate) fn object(&self, of: &str, object: &impl Debug) {
        self.text(of, format!("{object:?}\n{object:#?}"));
    }

    /// An error with all that is behind it.
    pub(crate) fn error(&self, of: &str, error: &(dyn Error + 'static)) {
        self.text(of, of_error(error));
    }

    /// What a step came to, which must be an error, by the name of its kind.
    #[track_caller]
    pub(crate) fn failed<T, E: Error + 'static>(&self, of: &str, result: Result<T, E>) -> E {
        match result {
            Ok(_) => panic!("{of} went well"),
            Err(error) => {
                self.error(of, &error);
                error
            }
        }
    }

    /// Any other text.
    pub(crate) fn text(&self, of: &str, text: String) {
        self.0.lock().unwrap().push((of.to_owned(), text));
    }

    /// Everything so far.
    pub(crate) fn all(&self) -> Vec<(String, String)> {
        self.0.lock().unwrap().clone()
    }
}

/// In every way that an error is printed.
pub(crate) fn of_error(error: &(dyn Error + 'static)) -> String {
    let mut text = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        text.push_str(&format!("{error}\n{error:?}\n{error:#?}\n"));
        next = error.source();
    }
    text
}
