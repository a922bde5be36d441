//! Both clients, to ask the same of them.

#[cfg(feature = "async")]
use slo_prometheus::AsyncClient;
use slo_prometheus::{Address, Answer, Client, Error, Labels, Sample, Settings, Steps};

pub(crate) enum Door {
    Blocking(Box<Client>),
    #[cfg(feature = "async")]
    Async(Box<AsyncClient>, tokio::runtime::Runtime),
}

/// Each of them, of the server at an address.
pub(crate) fn doors(url: &str, settings: &Settings) -> impl Iterator<Item = Result<Door, Error>> {
    let blocking = Client::new(url, settings.clone()).map(|client| Door::Blocking(Box::new(client)));
    #[cfg(feature = "async")]
    let asynchronous = {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let client = AsyncClient::new(url, settings.clone());
        Some(client.map(|client| Door::Async(Box::new(client), runtime.unwrap())))
    };
    #[cfg(not(feature = "async"))]
    let asynchronous = None;
    [blocking].into_iter().chain(asynchronous)
}

impl Door {
    pub(crate) fn query(&self, query: &str) -> Result<Answer<Vec<Sample>>, Error> {
        match self {
            Self::Blocking(client) => client.query(query),
            #[cfg(feature = "async")]
            Self::Async(client, runtime) => runtime.block_on(client.query(query)),
        }
    }

    pub(crate) fn range(
        &self,
        query: &str,
        steps: Steps,
        point: impl FnMut(&Labels, usize, f64) + Send,
    ) -> Result<Vec<String>, Error> {
        match self {
            Self::Blocking(client) => client.range(query, steps, point),
            #[cfg(feature = "async")]
            Self::Async(client, runtime) => runtime.block_on(client.range(query, steps, point)),
        }
    }

    pub(crate) fn bytes(&self, path: &str) -> Result<Vec<u8>, Error> {
        match self {
            Self::Blocking(client) => client.get(path),
            #[cfg(feature = "async")]
            Self::Async(client, runtime) => runtime.block_on(client.get(path)),
        }
    }

    pub(crate) fn address(&self) -> &Address {
        match self {
            Self::Blocking(client) => client.address(),
            #[cfg(feature = "async")]
            Self::Async(client, _) => client.address(),
        }
    }

    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Blocking(client) => format!("{client:?}"),
            #[cfg(feature = "async")]
            Self::Async(client, _) => format!("{client:?}"),
        }
    }
}
