//! The sources as the rules of `tidy` read them: what is code in them, and what it names.

use std::path::{Path, PathBuf};

/// A file of Rust.
pub(crate) struct Source {
    /// Its path below the directory it was looked for in, with `/` between its parts.
    pub(crate) path: String,
    pub(crate) text: String,
}

pub(crate) fn library() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn workspace() -> PathBuf {
    library().parent().unwrap().to_owned()
}

/// Every file of Rust below a directory, but what the build made.
pub(crate) fn sources(directory: &Path) -> Vec<Source> {
    let mut found = Vec::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(next) = directories.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() {
                if name != "target" && !name.starts_with('.') {
                    directories.push(path);
                }
            } else if name.ends_with(".rs") {
                let below = path.strip_prefix(directory).unwrap();
                let parts: Vec<_> = below.iter().map(|part| part.to_str().unwrap()).collect();
                found.push(Source { path: parts.join("/"), text: std::fs::read_to_string(&path).unwrap() });
            }
        }
    }
    assert!(!found.is_empty(), "there is no source below {}", directory.display());
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// The library's own sources without its unit tests, which may reach further.
pub(crate) fn library_code() -> Vec<Source> {
    let mut sources = sources(&library().join("src"));
    sources.retain(|source| !source.path.split('/').any(|part| part == "tests" || part == "tests.rs"));
    sources
}

impl Source {
    /// The module of the crate's root that it belongs to.
    pub(crate) fn module(&self) -> &str {
        let first = self.path.split('/').next().unwrap();
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// Its text without comments and without the unit tests at its end.
    pub(crate) fn code(&self) -> String {
        let untested = self.text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        untested.lines().map(without_comment).collect::<Vec<_>>().join("\n")
    }

    /// Its code without what stands between quotation marks.
    pub(crate) fn code_without_texts(&self) -> String {
        let mut code = String::new();
        let mut in_text = false;
        let mut escaped = false;
        for c in self.code().chars() {
            match c {
                '"' if !escaped => in_text = !in_text,
                _ if !in_text => code.push(c),
                _ => {}
            }
            escaped = in_text && c == '\\' && !escaped;
        }
        code
    }

    /// The names in its code that follow this one: `crate::` is followed by modules.
    pub(crate) fn after(&self, prefix: &str) -> Vec<String> {
        let code = self.code();
        let mut names = Vec::new();
        for (at, _) in code.match_indices(prefix) {
            let within = code[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_');
            let rest = &code[at + prefix.len()..];
            if within {
                continue;
            }
            match rest.strip_prefix('{') {
                Some(group) => names.extend(names_of_group(group)),
                None => names.push(first_word(rest)),
            }
        }
        names
    }

    /// How many steps of `super` lead from it to the crate's root.
    pub(crate) fn depth(&self) -> usize {
        let parts = self.path.split('/').count();
        if self.path.ends_with("mod.rs") { parts - 1 } else { parts }
    }
}

/// The words of a text: names and numbers.
pub(crate) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

fn first_word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// `a::b, c::{d, e}}` begins with the names a and c.
fn names_of_group(group: &str) -> Vec<String> {
    let mut names = vec![first_word(group.trim_start())];
    let mut depth = 0_u32;
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(first_word(group[at + 1..].trim_start())),
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

fn without_comment(line: &str) -> &str {
    let begins = line.match_indices("//").map(|(at, _)| at);
    // Within a string it is an address.
    let begin = begins.into_iter().find(|at| line[..*at].matches('"').count().is_multiple_of(2));
    begin.map_or(line, |at| &line[..at])
}

#[test]
fn code_is_read_as_it_is_meant() {
    let text = "use crate::{a::b, c::{d, e}};\nuse crate::f; // crate::not\n/// [`crate::not`]\n\
                let u = \"http://x\"; super::super::g();\n#[cfg(test)]\nmod tests {\n use crate::not;\n}";
    let source = Source { path: "driver/x.rs".to_owned(), text: text.to_owned() };
    assert_eq!(source.after("crate::"), ["a", "c", "f"]);
    assert_eq!(source.after("super::super::"), ["g"]);
    assert_eq!((source.module(), source.depth()), ("driver", 2));
    assert!(source.code().contains("http://x"));
    assert!(
        !source.code_without_texts().contains("http") && source.code_without_texts().contains("let u = ;")
    );
    assert_eq!(words("a::b_c(1)").collect::<Vec<_>>(), ["a", "b_c", "1"]);
}
