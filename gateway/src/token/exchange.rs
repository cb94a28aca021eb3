//! What small calls have in common: a body of bounded size, and a failure without a URL.

use super::AcquireError;

/// The body, if it is of a size that a token's answer has.
pub(super) async fn bounded(mut response: reqwest::Response) -> Result<Vec<u8>, AcquireError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unanswered)? {
        if body.len() + chunk.len() > ANSWER_MOST {
            return Err(AcquireError::Malformed("it is larger than 64 KiB"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// What became of a request that has no answer.
pub(super) fn unanswered(error: reqwest::Error) -> AcquireError {
    if error.is_timeout() {
        return AcquireError::Late;
    }
    AcquireError::Unreachable(error.without_url())
}

/// Far above any token's answer, far below what hurts.
const ANSWER_MOST: usize = 64 << 10;
