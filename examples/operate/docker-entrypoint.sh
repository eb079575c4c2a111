#!/bin/sh
# Starts the server in the image, configured by the environment.
set -eu

# The umask of new files, like UMASK=0027.
if [ -n "${UMASK:-}" ]; then
    umask "$UMASK"
fi

# Reads secrets from files, like AWS_SECRET_ACCESS_KEY_FILE=/run/secrets/key.
for name in \
    AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_REGION \
    GCS_SERVICE_ACCOUNT_FILE \
    AZURE_STORAGE_ACCOUNT AZURE_STORAGE_KEY AZURE_CLIENT_SECRET; do
    eval "value=\${$name:-} file=\${${name}_FILE:-}"
    [ -n "$file" ] || continue
    if [ -n "$value" ]; then
        echo "$name and ${name}_FILE are both set" >&2
        exit 1
    fi
    value=$(cat "$file")
    export "$name=$value"
    unset "${name}_FILE"
done

# Replaces this shell, so that the server receives signals.
exec tower-tusd "$@"
