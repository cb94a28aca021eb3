//! What waits for sinks, over restarts and damage.

use super::*;

#[tokio::test]
async fn a_sink_gets_records_in_order_and_again_until_it_acknowledges() {
    let venue = Venue::with_sinks(1);
    let audit = venue.start();
    let mut reader = audit.readers().pop().unwrap();
    (1..=3).for_each(|number| audit.enter(&entry(number)));
    audit.close();
    for _ in 0..2 {
        assert_eq!(numbers(&reader.next().await.unwrap().unwrap()), [1, 2, 3]);
    }
    let batch = reader.next().await.unwrap().unwrap();
    reader.acknowledge(batch.entries[1].1).await.unwrap();
    let batch = reader.next().await.unwrap().unwrap();
    assert_eq!(numbers(&batch), [3]);
    reader.acknowledge(batch.entries[0].1).await.unwrap();
    assert!(reader.next().await.unwrap().is_none());
    assert_eq!(audit.figures().sinks[0].delivered, 3);
}
