//! Very many users at once. The full size is a program of its own, `crowd`.

use gateway_tests::crowd::Crowd;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_of_a_crowd_carries_anothers_token() {
    let tally = Crowd { users: 200, requests: 4000 }.run().await;

    assert_eq!((tally.anothers, tally.astray), (0, 0), "{tally:?}");
    // Most are served: otherwise this shows nothing.
    assert!(tally.statuses[&200] > 2000 && tally.own >= tally.statuses[&200], "{tally:?}");
    assert!(tally.statuses.keys().all(|it| [200, 401, 403, 503].contains(it)), "{tally:?}");
}
