//! The form in which a state is kept: the state and the version of its form. The version moves when an old program would
//! misread what a new one writes; then the old form is read here too, and its golden file stays.

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::State;
use super::drain::{Drain, DrainRun};
use super::state::Run;

/// The version that this program writes.
const VERSION: u32 = 1;

/// The version of a state whose launch has overrides: who does not know them would launch without.
const WITH_OVERRIDES: u32 = 2;

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
        let known = if newest == VERSION { String::new() } else { format!(" to {newest}") };
        return Err(D::Error::custom(format!(
            "the state has version {}; this program reads version {VERSION}{known}",
            read.version
        )));
    }
    serde_json::from_value(read.run).map_err(D::Error::custom)
}

impl Serialize for State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let plain = self.run.spec.request().overrides.is_empty();
        let version = if plain { VERSION } else { WITH_OVERRIDES };
        Written { version, run: &*self.run }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for State {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let run: Run = read(deserializer, WITH_OVERRIDES)?;
        if run.places.len() != run.spec.bindings().len() {
            return Err(D::Error::custom(
                "the state does not fit its spec: it has another number of bindings",
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
