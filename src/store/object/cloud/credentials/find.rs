use tower_tus_layers::protocol::BoxError;

use super::environment::Environment;
use super::keys::Keys;
use super::profile::Profile;
use super::source::Source;

/// The source of credentials, and the region that was found beside it.
#[derive(Debug)]
pub(in crate::store::object::cloud) struct Found {
    pub(in crate::store::object::cloud) source: Source,
    pub(in crate::store::object::cloud) region: Option<String>,
}

/// Finds credentials.
///
/// # Errors
///
/// Fails if some were found that are incomplete or not supported, or if the instance may
/// not be asked.
pub(in crate::store::object::cloud) fn find(environment: &Environment) -> Result<Found, BoxError> {
    let region = ["AWS_REGION", "AWS_DEFAULT_REGION"];
    let region = region.iter().find_map(|name| environment.var(name));
    if let Some(source) = of_variables(environment)? {
        // The shared files may have the region still.
        let of_profile = || Some(Profile::read(environment).ok()?.get("region")?.to_owned());
        let region = region.or_else(of_profile);
        return Ok(Found { source, region });
    }
    let profile = Profile::read(environment)?;
    let region = region.or_else(|| profile.get("region").map(str::to_owned));
    let source = match profile.source()? {
        Some(source) => source,
        None => of_machine(environment)?,
    };
    Ok(Found { source, region })
}

fn of_variables(environment: &Environment) -> Result<Option<Source>, BoxError> {
    let var = |name| environment.var(name);
    match (var("AWS_ACCESS_KEY_ID"), var("AWS_SECRET_ACCESS_KEY")) {
        (Some(id), Some(secret)) => {
            let token = var("AWS_SESSION_TOKEN");
            let keys = Keys::new(&id, &secret, token.as_deref())?;
            return Ok(Some(Source::Keys(keys)));
        }
        (Some(_), None) => {
            return Err("AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is missing".into());
        }
        (None, Some(_)) => {
            return Err("AWS_SECRET_ACCESS_KEY is set, but AWS_ACCESS_KEY_ID is missing".into());
        }
        (None, None) => {}
    }
    let Some(token_file) = var("AWS_WEB_IDENTITY_TOKEN_FILE") else {
        return Ok(None);
    };
    let Some(role) = var("AWS_ROLE_ARN") else {
        return Err("AWS_WEB_IDENTITY_TOKEN_FILE is set, but AWS_ROLE_ARN is missing".into());
    };
    Ok(Some(Source::WebIdentity {
        token_file,
        role,
        session: var("AWS_ROLE_SESSION_NAME"),
    }))
}

fn of_machine(environment: &Environment) -> Result<Source, BoxError> {
    let var = |name| environment.var(name);
    if let Some(uri) = var("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") {
        return Ok(Source::Container { uri });
    }
    if let Some(uri) = var("AWS_CONTAINER_CREDENTIALS_FULL_URI") {
        let Some(token_file) = var("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") else {
            return Err(
                "AWS_CONTAINER_CREDENTIALS_FULL_URI is set, but the token's file is missing: set \
                 AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE, or AWS_ACCESS_KEY_ID and \
                 AWS_SECRET_ACCESS_KEY"
                    .into(),
            );
        };
        return Ok(Source::Pod { uri, token_file });
    }
    let disabled = var("AWS_EC2_METADATA_DISABLED");
    if disabled.is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return Err(
            "no credentials: AWS_ACCESS_KEY_ID, AWS_WEB_IDENTITY_TOKEN_FILE and \
             AWS_CONTAINER_CREDENTIALS_RELATIVE_URI are not set, the shared files have no keys, \
             and AWS_EC2_METADATA_DISABLED forbids to ask the instance"
                .into(),
        );
    }
    Ok(Source::Instance)
}
