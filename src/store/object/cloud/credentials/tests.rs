use std::fs;

use tempfile::TempDir;

use super::{Environment, Found, Keys, Source, find};

fn found(vars: &[(&str, &str)]) -> Found {
    find(&Environment::of(vars)).unwrap()
}

fn error(vars: &[(&str, &str)]) -> String {
    find(&Environment::of(vars)).unwrap_err().to_string()
}

fn keys(id: &str) -> Source {
    Source::Keys(Keys::new(id, "secret", None).unwrap())
}

fn home(credentials: &str, config: &str) -> TempDir {
    let home = TempDir::new().unwrap();
    fs::create_dir(home.path().join(".aws")).unwrap();
    fs::write(home.path().join(".aws/credentials"), credentials).unwrap();
    fs::write(home.path().join(".aws/config"), config).unwrap();
    home
}

const FILE: &str = "[default]\naws_access_key_id=FILE\naws_secret_access_key=secret\n\
                    [other]\naws_access_key_id=OTHER\naws_secret_access_key=secret\n";

#[test]
fn variables_come_before_web_identity_files_container_and_instance() {
    let home = home(FILE, "[default]\nregion=of-file\n");
    let home = home.path().to_str().unwrap();
    let all = [
        ("AWS_ACCESS_KEY_ID", "VAR"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "/token"),
        ("AWS_ROLE_ARN", "arn:role"),
        ("HOME", home),
        ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2"),
    ];
    let first = found(&all);
    assert_eq!(first.source, keys("VAR"));
    assert_eq!(first.region.as_deref(), Some("of-file"));
    assert!(matches!(
        found(&all[2..]).source,
        Source::WebIdentity { .. }
    ));
    assert_eq!(found(&all[4..]).source, keys("FILE"));
    assert!(matches!(found(&all[5..]).source, Source::Container { .. }));
    assert_eq!(found(&[]).source, Source::Instance);
}

#[test]
fn a_profile_has_keys_and_a_region_in_either_file() {
    let home = home(FILE, "[profile other]\nregion = eu-north-1\n");
    let home = home.path().to_str().unwrap();
    let other = found(&[("HOME", home), ("AWS_PROFILE", "other")]);
    assert_eq!(other.source, keys("OTHER"));
    assert_eq!(other.region.as_deref(), Some("eu-north-1"));
    let region = found(&[
        ("HOME", home),
        ("AWS_PROFILE", "other"),
        ("AWS_REGION", "x"),
    ]);
    assert_eq!(region.region.as_deref(), Some("x"));
    let error = error(&[("HOME", home), ("AWS_PROFILE", "third")]);
    assert!(error.contains("third"), "{error}");
}

#[test]
fn variables_name_other_files() {
    let home = home("", FILE);
    let config = home.path().join(".aws/config");
    let vars = [("AWS_SHARED_CREDENTIALS_FILE", config.to_str().unwrap())];
    assert_eq!(found(&vars).source, keys("FILE"));
}

#[test]
fn a_profile_that_needs_more_says_what_to_do_instead() {
    for (config, found) in [
        ("sso_session = x", "SSO"),
        ("credential_process = /bin/x", "credential_process"),
        ("role_arn = x\nsource_profile = y", "source_profile"),
        ("role_arn = x\ncredential_source = y", "credential_source"),
    ] {
        let home = home("", &format!("[default]\n{config}\n"));
        let error = error(&[("HOME", home.path().to_str().unwrap())]);
        assert!(error.contains("the profile default"), "{error}");
        assert!(error.contains(found), "{error}");
        assert!(
            error.contains("aws configure export-credentials"),
            "{error}"
        );
    }
}

#[test]
fn a_profile_may_have_a_web_identity() {
    let home = home(
        "",
        "[default]\nrole_arn = arn:r\nweb_identity_token_file = /t\n",
    );
    let source = found(&[("HOME", home.path().to_str().unwrap())]).source;
    let (token_file, role) = ("/t".to_owned(), "arn:r".to_owned());
    let session = None;
    let expected = Source::WebIdentity {
        token_file,
        role,
        session,
    };
    assert_eq!(source, expected);
}

#[test]
fn half_of_a_key_is_an_error_that_names_the_other_half() {
    let half = error(&[("AWS_ACCESS_KEY_ID", "x")]);
    assert!(half.contains("AWS_SECRET_ACCESS_KEY is missing"), "{half}");
    let half = error(&[("AWS_SECRET_ACCESS_KEY", "x")]);
    assert!(half.contains("AWS_ACCESS_KEY_ID is missing"), "{half}");
    let home = home("[default]\naws_access_key_id=x\n", "");
    let half = error(&[("HOME", home.path().to_str().unwrap())]);
    assert!(half.contains("has no aws_secret_access_key"), "{half}");
}

#[test]
fn without_the_instance_there_are_no_credentials() {
    let error = error(&[("AWS_EC2_METADATA_DISABLED", "true")]);
    assert!(error.starts_with("no credentials"), "{error}");
}

#[test]
fn a_key_that_cannot_be_in_a_header_is_refused() {
    let broken = [
        ("AWS_ACCESS_KEY_ID", "A\nB"),
        ("AWS_SECRET_ACCESS_KEY", "hidden"),
    ];
    let error = error(&broken);
    assert!(error.starts_with("the access key has"), "{error}");
}

#[test]
fn secrets_are_not_in_debug_output() {
    let keys = Keys::new("AKIA", "hidden", Some("hidden")).unwrap();
    assert!(!format!("{keys:?}").contains("hidden"));
}
