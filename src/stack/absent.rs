//! What stands in for features that are disabled.

use std::time::Duration;

use tower_layer::Identity;
use tower_tus_layers::uploads::Uploads;

use super::order::Shared;

/// The settings of a feature that is disabled: there are none. No unit struct, since
/// it is made like the settings that it stands in for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Absent(());

#[allow(clippy::unused_self, reason = "it stands in for settings that use it")]
#[allow(dead_code, reason = "some stand in for settings that do more")]
impl Absent {
    pub(super) const fn layer(self, _: &Shared) -> Option<Identity> {
        None
    }

    pub(super) fn applied_by(self, uploads: Uploads, _: &Shared) -> Uploads {
        uploads
    }

    pub(super) const fn progress_interval(&self) -> Duration {
        Duration::from_secs(1)
    }

    pub(super) const fn measure(&self, _: &mut Shared) {}
}
