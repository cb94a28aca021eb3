//! All of Azure's second version: its 66 operations, in the order in which they make sense, and the
//! upsert by PUT. The list that the emulated service gives of itself says that none is left out.

mod steps;

use std::collections::BTreeSet;

use gateway_tests::origin::{Options, Store};
use gateway_tests::{OriginServer, World};
use serde_json::Value;

use self::steps::{STEPS, Step};
use super::{Asked, Bench};

#[tokio::test]
async fn every_operation_passes_by_its_class_alone() {
    drive(Store::default(), "").await;
}

#[tokio::test]
async fn every_operation_in_a_partition_passes_by_its_class_alone() {
    drive(Store::with_partitions(), "/partitions/site-1").await;
}

#[tokio::test]
async fn no_operation_that_the_service_has_is_left_out() {
    let (world, origin) = scene(Store::default()).await;
    let bench = Bench::start(&world, &origin.base_url(), "azure").await;
    let description = bench.permitted(&asked("GET", "/api.json", "retrieve")).await;
    let description: Value = description.json().await.unwrap();
    let mut described = BTreeSet::new();
    for (path, operations) in description["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            described.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    assert_eq!(described.len(), 66);
    let mut taken = BTreeSet::new();
    for step in STEPS.iter().filter(|step| !step.is_extra()) {
        let path = step.path.split('?').next().unwrap();
        taken.insert(format!("{} /v2{path}", step.method));
        if step.is_in_partitions() {
            taken.insert(format!("{} /v2/partitions/{{partitionName}}{path}", step.method));
        }
    }
    assert_eq!(taken, described);
}

/// Takes the steps on a gateway before a service that holds nothing yet.
async fn drive(store: Store, partition: &str) {
    let (world, origin) = scene(store).await;
    let bench = Bench::start(&world, &origin.base_url(), "azure").await;
    let mut operation = String::new();
    for step in STEPS {
        let Step { method, path: template, class, sent, status } = *step;
        if template == "/partitions" && partition.is_empty() {
            continue;
        }
        let path = step.concrete(&operation);
        let path = if step.is_in_partitions() { format!("{partition}{path}") } else { path };
        let asked = Asked {
            accept: step.accept(),
            content_type: sent.content_type(),
            body: sent.body(),
            ..asked(method, &path, class)
        };
        let seen = origin.requests().len();
        let refused = bench.refused(&asked).await.status().as_u16();
        assert_eq!((refused, origin.requests().len()), (403, seen), "{method} {path}");

        let answer = bench.permitted(&asked).await;
        let told = answer.status().as_u16();
        let recorded = origin.requests().split_off(seen);
        assert_eq!(recorded.len(), 1, "{method} {path}");
        assert_eq!(recorded[0].method, method);
        assert_eq!(recorded[0].target, format!("/v2{path}"));
        let body = answer.bytes().await.unwrap();
        assert_eq!(told, status, "{method} {path}: {}", String::from_utf8_lossy(&body));
        if let Ok(reference) = serde_json::from_slice::<Value>(&body)
            && let Some(id) = reference["id"].as_str()
        {
            operation = id.to_owned();
        }
    }
}

async fn scene(store: Store) -> (World, OriginServer) {
    let world = World::new().await;
    let options = Options { check: world.check(), tls: None, store };
    let origin = OriginServer::start(options).await.unwrap();
    (world, origin)
}

fn asked<'a>(method: &'a str, path: &'a str, class: &'a str) -> Asked<'a> {
    Asked { method, path, class, accept: "application/json", content_type: "", body: Vec::new() }
}
