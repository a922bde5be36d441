//! Values of a template.

/// A value: JSON, and what the deployment fills in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    Text(String),
    Number(u8),
    Flag(bool),
    List(Vec<Self>),
    Map(Vec<(String, Self)>),
    Filled(Parameter),
}

/// What the deployment fills in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parameter {
    Location,
    Workspace,
    PageActions,
    TicketActions,
}

impl Parameter {
    pub(super) const ALL: [Self; 4] =
        [Self::Location, Self::Workspace, Self::PageActions, Self::TicketActions];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Location => "location",
            Self::Workspace => "azureMonitorWorkspaceId",
            Self::PageActions => "pageActions",
            Self::TicketActions => "ticketActions",
        }
    }

    pub(super) const fn description(self) -> &'static str {
        match self {
            Self::Location => "The region of the rule groups.",
            Self::Workspace => "The resource id of the Azure Monitor workspace.",
            Self::PageActions => "What pages do: a list of objects such as {actionGroupId: \u{2026}}.",
            Self::TicketActions => "What tickets do.",
        }
    }

    pub(super) const fn is_list(self) -> bool {
        matches!(self, Self::PageActions | Self::TicketActions)
    }
}

impl Item {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }
}
