//! What the README shows is true.

use ecs_warmstart::config::Config;

const README: &str = include_str!("../../../README.md");

/// The code blocks of that language, in their order.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    README.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

#[test]
fn the_configuration_is_read() {
    let config = Config::parse(blocks("toml")[0], |_| None).unwrap();
    assert_eq!(config.region.as_deref(), Some("us-east-2"));
    assert_eq!(config.services.len(), 1);
    assert_eq!(config.services[0].bindings[0].port, 8080);
}

#[test]
fn the_fallbacks_are_read() {
    let bindings = blocks("toml")[0].split_once("[[services.auth.bindings]]").unwrap().1;
    let text = format!("{}[[services.auth.bindings]]{bindings}", blocks("toml")[1]);
    let config = Config::parse(&text, |_| None).unwrap();
    let pools: Vec<String> = config.services[0].fallbacks.iter().map(ToString::to_string).collect();
    assert_eq!(pools, ["FARGATE_SPOT in subnet-b", "FARGATE in subnet-a"]);
}

#[test]
fn the_commands_are_those_that_are_tested() {
    let after = |marker: &str| README.split(marker).nth(1).unwrap().lines().nth(2).unwrap();
    assert_eq!(after("<!-- run -->"), "cargo run -p ecs-warmstart-cli -- up --backend memory");
    assert_eq!(after("<!-- test -->"), "cargo test --workspace --all-features");
}
