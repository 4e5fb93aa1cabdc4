//! The form in which a state is kept: the state and the version of its form. The version moves when an old program would
//! misread what a new one writes; then the old form is read here too, and its golden file stays.

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::State;
use super::drain::{Drain, DrainRun};
use super::state::Run;

/// The version of what every program reads that has read any.
const VERSION: u32 = 1;

/// The version of a state with overrides, or that may launch in more than one place: who does not know of that would launch
/// something else, or in the wrong place.
const LATER: u32 = 2;

#[derive(Serialize)]
struct Written<'a, T> {
    version: u32,
    run: &'a T,
}

#[derive(Deserialize)]
struct Read {
    version: u32,
    run: serde_json::Value,
}

fn read<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D, newest: u32) -> Result<T, D::Error> {
    let read = Read::deserialize(deserializer)?;
    if !(VERSION..=newest).contains(&read.version) {
        let known = if newest == VERSION {
            format!("version {VERSION}")
        } else {
            format!("versions {VERSION} to {newest}")
        };
        let message = format!("the state has version {}; this program reads {known}", read.version);
        return Err(D::Error::custom(message));
    }
    serde_json::from_value(read.run).map_err(D::Error::custom)
}

impl Serialize for State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // The oldest that says it all: while programs of two versions share a queue, the older one reads what it can.
        let spec = &self.run.spec;
        let plain = spec.request().overrides.is_empty() && spec.pools() == 1;
        let version = if plain { VERSION } else { LATER };
        Written { version, run: &*self.run }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for State {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let run: Run = read(deserializer, LATER)?;
        if run.places.len() != run.spec.bindings().len() {
            return Err(D::Error::custom(
                "the state does not fit its spec: it has another number of bindings",
            ));
        }
        if run.pool >= run.spec.pools() {
            return Err(D::Error::custom(
                "the state does not fit its spec: it launches in a place that it has not",
            ));
        }
        Ok(Self { run: Box::new(run) })
    }
}

impl Serialize for Drain {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Written { version: VERSION, run: &*self.run }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Drain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let run: DrainRun = read(deserializer, VERSION)?;
        if run.progress.len() != run.spec.places.len() {
            return Err(D::Error::custom("the state does not fit its spec: it has another number of places"));
        }
        Ok(Self { run: Box::new(run) })
    }
}
