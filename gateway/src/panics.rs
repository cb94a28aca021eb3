//! What is said of a bug: where it is.

/// From now on a panic is told by its place alone: its words may hold anything, a patient's name among
/// them.
pub(crate) fn say_where() {
    std::panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(location, "a bug: the gateway panicked");
    }));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn a_panic_is_told_by_its_place_and_without_its_words() {
        let said = Said::default();
        let heard = said.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(move || heard.clone())
            .finish();
        let before = std::panic::take_hook();
        say_where();
        let patient = "Canary^Jane";
        let panicked = tracing::subscriber::with_default(subscriber, || {
            std::panic::catch_unwind(|| panic!("{patient} is no number"))
        });
        std::panic::set_hook(before);

        assert!(panicked.is_err());
        let said = String::from_utf8(said.0.lock().unwrap().clone()).unwrap();
        assert!(said.contains("panics.rs:"), "{said}");
        assert!(!said.contains(patient) && !said.contains("number"), "{said}");
    }

    #[derive(Clone, Default)]
    struct Said(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Said {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
}
