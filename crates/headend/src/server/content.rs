//! The content that is served: the catalogue, the simulator over it, and each asset on demand.

use std::{collections::HashMap, sync::Arc};

use arc_swap::ArcSwap;
use asset::{Asset, Catalogue, vod::Vod};
use simulate::Simulator;

/// What media is answered from.
pub(super) struct Content {
    pub(super) catalogue: Arc<Catalogue>,
    pub(super) simulator: Simulator,
    vods: Vods,
}

impl Content {
    pub(super) fn new(catalogue: Arc<Catalogue>) -> Self {
        Self {
            simulator: Simulator::new(Arc::clone(&catalogue)),
            catalogue,
            vods: Vods::default(),
        }
    }

    /// Finds the asset on demand that a path means, and the rest of the path.
    pub(super) fn on_demand<'p>(&self, path: &'p str) -> Option<(Arc<Vod>, &'p str)> {
        let (asset, rest) = self.catalogue.find_longest(path)?;
        Some((self.vods.of(asset), rest))
    }
}

/// The presentations on demand that were asked for, by asset name. Each holds an asset, and is made
/// anew when the catalogue has another one of that name.
#[derive(Default)]
struct Vods(ArcSwap<HashMap<String, Arc<Vod>>>);

impl Vods {
    fn of(&self, asset: Arc<Asset>) -> Arc<Vod> {
        if let Some(vod) = self.0.load().get(&asset.name)
            && Arc::ptr_eq(vod.asset(), &asset)
        {
            return Arc::clone(vod);
        }
        let vod = Arc::new(Vod::new(asset));
        self.0.rcu(|known| {
            let mut next = HashMap::clone(known);
            next.insert(vod.asset().name.clone(), Arc::clone(&vod));
            next
        });
        vod
    }

    /// Forgets assets that the catalogue has no more, so that their files can be closed.
    fn keep(&self, catalogue: &Catalogue) {
        let gone = |vod: &Arc<Vod>| {
            catalogue
                .get(&vod.asset().name)
                .is_none_or(|asset| !Arc::ptr_eq(&asset, vod.asset()))
        };
        if self.0.load().values().any(gone) {
            self.0.rcu(|known| {
                let mut next = HashMap::clone(known);
                next.retain(|_, vod| !gone(vod));
                next
            });
        }
    }
}

impl Content {
    /// Lets go of what the catalogue no longer has.
    pub(super) fn tidy(&self) {
        self.vods.keep(&self.catalogue);
        self.simulator.tidy();
    }
}
