//! How findings read.

use super::super::Seen;
use super::kit::{IMAGE, World, image, secs, world};
use crate::image::Platform;

#[test]
fn findings_say_what_is_and_what_to_do() {
    let said = |change: fn(&mut World)| {
        let mut world = world();
        change(&mut world);
        world.check()[0].to_string()
    };
    assert_eq!(
        said(|it| it.see_image(Seen::Known(image(&[Platform::linux_arm64()])))),
        format!(
            "image {IMAGE} of container web is for linux/arm64; the task definition wants linux/amd64: docker buildx build \
             --platform linux/amd64,linux/arm64 -t {IMAGE} --push . , or register a revision whose runtimePlatform is one it has"
        )
    );
    assert_eq!(
        said(|it| {
            it.healthy_timeout = secs(60);
            it.health_check().start_period = secs(60);
        }),
        "may not be healthy in 60 s, needs up to 90 s: container web has a startPeriod of 60 s and is checked every 5 s; \
         target group web checks every 30 s: set healthy_timeout to 90 s or more (--health-wait), or shorten the intervals of \
         the health checks: 5 s is the shortest"
    );
    assert_eq!(
        said(|it| {
            it.healthy_timeout = secs(20);
            it.health_check().interval = secs(30);
        }),
        "cannot be healthy in 20 s, needs 60 s: container web is checked first after 30 s; target group web checks every 30 \
         s: set healthy_timeout to 60 s or more (--health-wait), or shorten the intervals of the health checks: 5 s is the \
         shortest"
    );
}
