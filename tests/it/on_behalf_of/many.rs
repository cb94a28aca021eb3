//! Very many users at once.
