//! Managed identities, on each platform that has them.

use config::{Credential, IdentitySource};
use gateway_tests::platform::{CLIENT_ID, Kind, OBJECT_ID, Platform, RESOURCE_ID};
use gateway_tests::world::Toml;
use gateway_tests::{Authority, Running};

use super::{Scene, is_served, says, until};

/// Neither authority nor id: nothing but the platform.
const ALONE: &str = "[client]\ncredential.managed_identity = {}";

#[tokio::test]
async fn a_virtual_machine_is_asked_as_its_metadata_service_wants_it() {
    let (scene, platform) = scene(Kind::Imds).await;
    scene.works(&toml(&scene, &platform, ALONE)).await;

    let [asked] = &platform.asked()[..] else { panic!("asked more than once") };
    assert_eq!(asked.query["api-version"], "2018-02-01");
    assert_eq!(asked.query["resource"], "https://dicom.healthcareapis.azure.com");
    assert_eq!(asked.query.len(), 2);
    assert_eq!(asked.headers["metadata"], "true");
    assert!(asked.headers.contains_key("x-ms-client-request-id"));
    assert_eq!(scene.world.authority.requests(), 0);
}

#[tokio::test]
async fn a_user_assigned_identity_is_named_by_one_of_its_ids() {
    for (kind, by_resource) in [(Kind::Imds, "msi_res_id"), (Kind::AppService, "mi_res_id")] {
        let (scene, platform) = scene(kind).await;
        for (key, value, name) in [
            ("client_id", CLIENT_ID, "client_id"),
            ("object_id", OBJECT_ID, "object_id"),
            ("resource_id", RESOURCE_ID, by_resource),
        ] {
            let client =
                format!("[client]\ncredential.managed_identity = {{ {key} = \"{value}\" }}");
            scene.works(&toml(&scene, &platform, &client)).await;
            assert_eq!(platform.asked().last().unwrap().query[name], value);
        }
    }
}

#[tokio::test]
async fn an_app_is_asked_with_the_secret_of_its_environment() {
    let (scene, platform) = scene(Kind::AppService).await;
    let gateway = scene.works(&toml(&scene, &platform, ALONE)).await;

    let [asked] = &platform.asked()[..] else { panic!("asked more than once") };
    assert_eq!(asked.query["api-version"], "2019-08-01");
    let secret = asked.headers["x-identity-header"].to_str().unwrap();
    let told = gateway.log() + &gateway.admin("/metrics").await.1;
    assert!(!told.contains(secret));
    assert!(told.contains("credential=\"0\",kind=\"managed_identity\",outcome=\"accepted\"} 1"));
}

#[tokio::test]
async fn arc_is_shown_the_file_that_it_names() {
    let folder = tempfile::tempdir().unwrap();
    let (scene, platform) = scene(Kind::Arc(folder.path().to_owned())).await;
    let gateway = start_at_arc(&scene, &platform, folder.path());
    gateway.wait_until_ready().await;
    is_served(&gateway).await;

    let [challenged, answered] = &platform.asked()[..] else { panic!("not asked twice") };
    assert!(!challenged.headers.contains_key("authorization"));
    assert!(answered.headers["authorization"].to_str().unwrap().starts_with("Basic "));
    assert_eq!(answered.query["api-version"], "2020-06-01");
}

#[tokio::test]
async fn arc_is_shown_no_other_file() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (scene, platform) = scene(Kind::Arc(elsewhere.path().to_owned())).await;
    let gateway = start_at_arc(&scene, &platform, folder.path());
    says(&gateway, "a file outside of its folder").await;

    assert!(platform.asked().iter().all(|asked| !asked.headers.contains_key("authorization")));
}

#[tokio::test]
async fn what_passes_by_itself_is_asked_again_and_what_does_not_is_told() {
    for kind in [Kind::Imds, Kind::AppService] {
        for status in [404, 429, 500, 503] {
            let (scene, platform) = scene(kind.clone()).await;
            platform.answer_next(&[(status, "<html>")]);
            scene.works(&toml(&scene, &platform, ALONE)).await;
            assert_eq!(platform.asked().len(), 2, "{kind:?} {status}");
        }
        let (scene, platform) = scene(kind.clone()).await;
        let unknown = "[client]\ncredential.managed_identity = { client_id = \"nobody\" }";
        let toml = toml(&scene, &platform, unknown);
        let gateway = scene.fails(&toml, "the authority refused this client").await;
        assert!(!gateway.log().contains("canary"));
        assert_eq!(platform.asked().len(), 1, "asking again would be useless");
    }
}

#[tokio::test]
async fn an_identity_vouches_for_an_application() {
    let audience = "api://AzureADTokenExchange";
    let (scene, platform) = scene(Kind::Imds).await;
    let authority = &scene.world.authority;
    let subject = Authority::principal_of(CLIENT_ID);
    authority.federate(&authority.issuer(), &subject, audience, authority.keys());
    let client = format!(
        "credential.managed_identity = {{ client_id = \"{CLIENT_ID}\", federated = true }}"
    );
    let gateway = scene.works(&toml(&scene, &platform, &client)).await;

    assert_eq!(platform.asked()[0].query["resource"], audience);
    assert_eq!(authority.requests(), 1);
    let (_, metrics) = gateway.admin("/metrics").await;
    assert!(metrics.contains("kind=\"federated_identity\",outcome=\"accepted\"} 1"), "{metrics}");
}

#[tokio::test]
async fn a_token_of_which_little_is_left_is_renewed_in_time() {
    let (scene, platform) = scene(Kind::AppService).await;
    platform.set_lifetime(std::time::Duration::from_secs(3));
    let gateway = scene.works(&toml(&scene, &platform, ALONE)).await;
    until(async || platform.asked().len() >= 3).await;
    is_served(&gateway).await;
}

/// A platform that gives our authority's tokens, and tokens of its identity to show to it.
async fn scene(kind: Kind) -> (Scene, Platform) {
    let scene = Scene::new().await;
    let scope = scene.world.authority.scope();
    let resource = scope.strip_suffix("/.default").unwrap().to_owned();
    let (direct, exchange) = (
        scene.world.authority.issue_token(),
        scene.world.authority.issue_token_to(CLIENT_ID, "api://AzureADTokenExchange"),
    );
    let mint = move |asked: &str| match asked {
        "api://AzureADTokenExchange" => Some(exchange.clone()),
        asked => (asked == resource).then(|| direct.clone()),
    };
    let platform = Platform::start(kind, Box::new(mint)).await;
    (scene, platform)
}

fn toml(scene: &Scene, platform: &Platform, client: &str) -> Toml {
    Toml { variables: platform.variables(), ..scene.toml(client) }
}

/// Where the agent's folder is, no variable says.
fn start_at_arc(scene: &Scene, platform: &Platform, theirs: &std::path::Path) -> Running {
    let mut config = scene.world.config(&toml(scene, platform, ALONE));
    let Credential::ManagedIdentity(identity) = &mut config.clients[0].credentials[0] else {
        panic!("{config:?}")
    };
    let IdentitySource::Arc { folder, .. } = &mut identity.source else { panic!("not Arc") };
    assert_eq!(folder.to_str(), Some("/var/opt/azcmagent/tokens"));
    theirs.clone_into(folder);
    scene.world.start_with(config)
}
