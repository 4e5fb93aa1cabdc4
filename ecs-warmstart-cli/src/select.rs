//! Which of the services are meant.

use ecs_warmstart::fleet::Service;

use crate::error::Error;

/// The named services in the order of the configuration, each once, or all of them where none is named; and the others.
pub(crate) fn select(
    services: Vec<Service>,
    names: &[String],
) -> Result<(Vec<Service>, Vec<Service>), Error> {
    let known: Vec<String> = services.iter().map(|service| service.name.to_string()).collect();
    if let Some(name) = names.iter().find(|name| !known.contains(name)) {
        let nearest = nearest(name, &known);
        return Err(Error::UnknownService { name: name.clone(), nearest, known });
    }
    let meant =
        |service: &Service| names.is_empty() || names.iter().any(|name| name == service.name.as_str());
    Ok(services.into_iter().partition(meant))
}

/// The name that a mistyped one most likely stands for: at most every third letter is wrong.
fn nearest(name: &str, known: &[String]) -> Option<String> {
    known
        .iter()
        .map(|known| (strsim::damerau_levenshtein(name, known), known))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, known)| *distance <= name.len().max(known.len()).div_ceil(3))
        .map(|(_, known)| known.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::samples;

    fn services() -> Vec<Service> {
        ["auth", "web", "batch"].map(samples::service).to_vec()
    }

    fn names(names: &[&str]) -> Result<Vec<String>, Error> {
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        let (selected, others) = select(services(), &names)?;
        assert_eq!(selected.len() + others.len(), services().len());
        Ok(selected.iter().map(|service| service.name.to_string()).collect())
    }

    #[test]
    fn the_order_is_that_of_the_configuration() {
        assert_eq!(names(&[]).unwrap(), ["auth", "web", "batch"]);
        assert_eq!(names(&["batch", "auth", "batch"]).unwrap(), ["auth", "batch"]);
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_nearest() {
        let nearest = |name| match names(&["auth", name]) {
            Err(Error::UnknownService { nearest, .. }) => nearest,
            other => panic!("{other:?}"),
        };
        assert_eq!(nearest("atuh").as_deref(), Some("auth"));
        assert_eq!(nearest("bach").as_deref(), Some("batch"));
        assert_eq!(nearest("payments"), None);
    }
}
