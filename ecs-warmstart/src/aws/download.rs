//! An image's configuration, from the address in S3 that ECR signs for it.

use std::fmt;
use std::sync::{Arc, OnceLock};

use reqwest::{Client, StatusCode, redirect};

use crate::error::{ErrorKind, PortError};
use crate::image::{CONFIG_MAX, Digest};
use crate::ports::Result;

/// Fetches what a signed address stands for. Made at the first download: most images are indices, which need none.
#[derive(Clone, Default)]
pub(super) struct Download {
    client: Arc<OnceLock<Option<Client>>>,
}

impl Download {
    /// The text that has this digest, from this address. Whoever calls sets the time it may take.
    ///
    /// The signature is in the address, so that it stands in no error: whoever has it may read the image until it expires.
    pub(super) async fn text(&self, url: &str, digest: &Digest) -> Result<String> {
        let client =
            self.client.get_or_init(|| Client::builder().redirect(redirect::Policy::none()).build().ok());
        let Some(client) = client else {
            return Err(PortError::new(ErrorKind::Other, "there is no TLS to download by"));
        };
        let mut answer = client.get(url).send().await.map_err(unreachable)?;
        if answer.status() != StatusCode::OK {
            let kind =
                if answer.status() == StatusCode::FORBIDDEN { ErrorKind::Denied } else { ErrorKind::Other };
            return Err(PortError::new(kind, format!("the download was answered {}", answer.status())));
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(unreachable)? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > CONFIG_MAX {
                return Err(PortError::new(ErrorKind::Other, "it is larger than a configuration is"));
            }
        }
        match String::from_utf8(bytes) {
            Ok(text) if Digest::of(text.as_bytes()) == *digest => Ok(text),
            Ok(_) | Err(_) => {
                Err(PortError::new(ErrorKind::Other, "what was downloaded is not what was asked for"))
            }
        }
    }
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download").finish_non_exhaustive()
    }
}

fn unreachable(error: reqwest::Error) -> PortError {
    PortError::new(ErrorKind::Unavailable, "the download failed").with_source(error.without_url())
}
