//! Roles that go with what had them.

use gateway_tests::graph::Fault;

use super::{RESOURCE, Scene, good};

#[tokio::test]
async fn the_roles_that_a_registration_has_go_with_it_and_are_counted() {
    for (given, told) in [
        (&[][..], "note: no role for ct was there to be removed"),
        (&[READER], "removed: 1 role for ct: DICOM Data Reader\n"),
        (&[READER, OWNER], "removed: 2 roles for ct: "),
    ] {
        let scene = Scene::new().await;
        let principal = registered(&scene).await;
        // Somebody clicked them together, so their names are not ours.
        given.iter().for_each(|role| scene.graph.assign(RESOURCE, role, &principal));
        scene.graph.set_page_size(1);
        let ended = scene.run("remove", &["--resource", RESOURCE, "--yes"]).await;
        good(&ended);
        assert!(ended.stderr.contains(told), "{told}: {}", ended.stderr);
        assert!(scene.graph.assignments().is_empty(), "{:#?}", scene.graph.assignments());
    }
}

#[tokio::test]
async fn roles_of_others_for_other_things_and_of_another_kind_stay() {
    let scene = Scene::new().await;
    let principal = registered(&scene).await;
    let group = RESOURCE.split("/providers/").next().unwrap();
    let contributor = "b24988ac-6180-42a0-ab88-20f7382dd24c";
    scene.graph.assign(RESOURCE, READER, "another principal");
    scene.graph.assign(RESOURCE, contributor, &principal);
    scene.graph.assign(group, OWNER, &principal);
    scene.graph.assign(RESOURCE, OWNER, &principal);
    let ended = scene.run("remove", &["--resource", RESOURCE, "--yes"]).await;
    good(&ended);
    assert!(
        ended.stderr.contains("removed: 1 role for ct: DICOM Data Owner\n"),
        "{}",
        ended.stderr
    );
    let stays = format!("note: role DICOM Data Owner for {group} stays");
    assert!(ended.stderr.contains(&stays), "{}", ended.stderr);
    assert_eq!(scene.graph.assignments().len(), 3);
}

#[tokio::test]
async fn a_role_that_somebody_else_took_away_meanwhile_is_gone() {
    let scene = Scene::new().await;
    scene.graph.assign(RESOURCE, READER, &registered(&scene).await);
    // The application, its principal, the list of roles, and the role.
    scene.graph.fail(4, Fault::Done(404));
    let ended = scene.run("remove", &["--resource", RESOURCE, "--yes"]).await;
    good(&ended);
    assert!(scene.graph.assignments().is_empty() && scene.graph.applications().is_empty());
    let writes = scene.graph.writes();
    assert!(writes[writes.len() - 2].contains("/roleAssignments/"), "{writes:?}");
}

/// Registers, and gives the object id of the principal.
async fn registered(scene: &Scene) -> String {
    let told = super::json(&scene.register(&["--secret", "--json"]).await);
    told["principal_id"].as_str().unwrap().to_owned()
}

const READER: &str = "e89c7a3c-2f64-4fa1-a847-3e4c9ba4283a";
const OWNER: &str = "58a3b984-7adf-4c20-983a-32417c86fbc8";
