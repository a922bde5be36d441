//! The receivers of a configuration.

use super::{
    channel::{Channel, Delivery, KINDS, WEBHOOK},
    recipient::Recipient,
    routes::UNROUTED,
    routing::Routing,
};
use crate::{Error, yaml::Yaml};

/// All receivers, each with the settings of its channels.
pub(super) fn receivers(out: &mut Yaml, recipients: &[Recipient], routing: &Routing) -> Result<(), Error> {
    let mut done = Ok(());
    out.nested("receivers", |out| {
        if !routing.fragment {
            out.comment("Add a channel here. Without one, alerts that are not from SLOs are lost.");
            out.item(|out| out.entry("name", UNROUTED));
        }
        done = recipients.iter().try_for_each(|recipient| receiver(out, recipient, routing));
    });
    done
}

fn receiver(out: &mut Yaml, recipient: &Recipient, routing: &Routing) -> Result<(), Error> {
    let to = Delivery {
        team: recipient.team(),
        severity: recipient.severity,
        secrets: &routing.secrets,
        mail: routing.mail.as_ref(),
        is_fragment: routing.fragment,
        version: routing.version,
    };
    let mut known: Vec<&Channel> = Vec::new();
    for channel in routing.channels(recipient.severity) {
        if !known.contains(&channel) {
            known.push(channel);
        }
    }
    let mut done = Ok(());
    out.item(|out| {
        out.entry("name", &recipient.receiver());
        for kind in KINDS {
            let of_kind = known.iter().filter(|channel| channel.kind().key == kind.key);
            out.mapping_of_any(kind.key, |out| {
                for channel in of_kind {
                    out.item(|out| done = done.clone().and(channel.write(out, &to)));
                }
                if let Some(response) = routing.response.as_ref().filter(|_| kind.key == WEBHOOK) {
                    response.write(out);
                }
            });
        }
    });
    done
}
