//! Part of ecs-warmstart.
