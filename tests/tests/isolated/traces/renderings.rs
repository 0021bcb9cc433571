//! The renderings of errors and objects: `Display`, both forms of `Debug`, and all sources.

use std::error::Error;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

/// The renderings, each with its origin.
#[derive(Clone, Default)]
pub(crate) struct Renderings(Arc<Mutex<Vec<(String, String)>>>);

impl Renderings {
    /// Adds the `Debug` renderings of an object.
    pub(crate) fn object(&self, of: &str, object: &impl Debug) {
        self.text(of, format!("{object:?}\n{object:#?}"));
    }

    /// Adds all renderings of an error and its sources.
    pub(crate) fn error(&self, of: &str, error: &(dyn Error + 'static)) {
        self.text(of, render_error(error));
    }

    /// Adds and returns the error of a step that must fail.
    #[track_caller]
    pub(crate) fn failed<T, E: Error + 'static>(&self, of: &str, result: Result<T, E>) -> E {
        match result {
            Ok(_) => panic!("{of} succeeded"),
            Err(error) => {
                self.error(of, &error);
                error
            }
        }
    }

    /// Adds other text.
    pub(crate) fn text(&self, of: &str, text: String) {
        self.0.lock().unwrap().push((of.to_owned(), text));
    }

    /// Returns all renderings.
    pub(crate) fn all(&self) -> Vec<(String, String)> {
        self.0.lock().unwrap().clone()
    }
}

/// Returns all renderings of an error and its sources.
pub(crate) fn render_error(error: &(dyn Error + 'static)) -> String {
    let mut text = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        text.push_str(&format!("{error}\n{error:?}\n{error:#?}\n"));
        next = error.source();
    }
    text
}
