//! The sizes of tasks that Fargate has.

/// CPU units, and the memory in MiB that each goes with: from, to, in steps of (AWS: Fargate task definition
/// differences, "Task CPU and memory"). The first size goes up by doubling.
const SIZES: [(u32, u32, u32, u32); 7] = [
    (256, 512, 2048, 512),
    (512, 1024, 4096, 1024),
    (1024, 2048, 8192, 1024),
    (2048, 4096, 16384, 1024),
    (4096, 8192, 30720, 1024),
    (8192, 16384, 61440, 4096),
    (16384, 32768, 122_880, 8192),
];

/// What is wrong with a size.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) summary: String,
    pub(super) remedy: String,
}

/// Nothing for a size that Fargate has, and for CPU units that this version does not know.
pub(super) fn wrong_size(cpu: Option<u32>, memory: Option<u32>) -> Option<Wrong> {
    let (Some(cpu), Some(memory)) = (cpu, memory) else {
        let summary = "Fargate needs cpu and memory of the whole task".to_owned();
        return Some(Wrong {
            summary,
            remedy: "for example \"cpu\": \"256\", \"memory\": \"512\"".to_owned(),
        });
    };
    let (_, from, to, step) = SIZES.into_iter().find(|(units, ..)| *units == cpu)?;
    // 256 units go with 512, 1024 and 2048 MiB, not with 1536.
    let is_step = (memory - from.min(memory)).is_multiple_of(step) && !(cpu == 256 && memory == 1536);
    if (from..=to).contains(&memory) && is_step {
        return None;
    }
    let allowed = match cpu {
        256 => "512, 1024 or 2048 MiB".to_owned(),
        _ => format!("{from} to {to} MiB in steps of {step}"),
    };
    Some(Wrong {
        summary: format!("Fargate has no task of {cpu} CPU units and {memory} MiB"),
        remedy: format!("{cpu} CPU units go with {allowed}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sizes_that_fargate_has() {
        for (cpu, memory, fits) in [
            (256, 512, true),
            (256, 1024, true),
            (256, 1536, false),
            (256, 2048, true),
            (256, 4096, false),
            (512, 1024, true),
            (512, 4096, true),
            (512, 512, false),
            (512, 1536, false),
            (1024, 2048, true),
            (1024, 8192, true),
            (1024, 1024, false),
            (2048, 16384, true),
            (4096, 30720, true),
            (4096, 31744, false),
            (8192, 16384, true),
            (8192, 18432, false),
            (8192, 61440, true),
            (16384, 122_880, true),
            (16384, 40960, true),
            (16384, 36864, false),
            // What a later Fargate may have is not for this version to refuse.
            (32768, 1, true),
        ] {
            assert_eq!(wrong_size(Some(cpu), Some(memory)).is_none(), fits, "{cpu} {memory}");
        }
        assert!(wrong_size(None, Some(512)).is_some() && wrong_size(Some(256), None).is_some());
        let wrong = wrong_size(Some(512), Some(512)).unwrap();
        assert_eq!(wrong.remedy, "512 CPU units go with 1024 to 4096 MiB in steps of 1024");
    }
}
