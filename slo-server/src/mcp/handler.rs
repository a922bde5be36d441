//! The tools, as the protocol asks for them.

use super::{Sources, tools::tools};
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation,
        ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
    },
    service::RequestContext,
};
use std::sync::Arc;
use tokio_util::task::AbortOnDropHandle;

/// Answers the calls of assistants.
#[derive(Debug, Clone)]
pub(super) struct Handler {
    sources: Arc<Sources>,
    tools: Arc<[Tool]>,
}

impl Handler {
    pub(super) fn new(sources: Sources) -> Self {
        let tools = tools(sources.has_specs(), sources.has_prometheus(), sources.has_record());
        Self { sources: Arc::new(sources), tools: tools.into() }
    }
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(
                Implementation::new("slo", env!("CARGO_PKG_VERSION")).with_title("Service level objectives"),
            )
            .with_instructions(
                "Reads error budgets, incidents, alerts and gates of releases. No tool changes anything.",
            )
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(self.tools.to_vec()))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.tools.iter().find(|tool| tool.name == name).cloned()
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        if self.get_tool(&request.name).is_none() {
            return Err(ErrorData::invalid_params(format!("there is no tool `{}`", request.name), None));
        }
        let (sources, arguments) = (Arc::clone(&self.sources), request.arguments.unwrap_or_default());
        // A task of its own: a call that fails badly must be answered, too.
        let work = tokio::spawn(async move { sources.answer(&request.name, arguments).await });
        let mut work = AbortOnDropHandle::new(work);
        let answer = tokio::select! {
            ended = &mut work => ended.unwrap_or_else(|_| Err("the tool has failed".to_owned())),
            () = context.ct.cancelled() => Err("the call was cancelled".to_owned()),
        };
        Ok(match answer {
            Ok(value) => CallToolResult::structured(value),
            Err(reason) => CallToolResult::error(vec![ContentBlock::text(reason)]),
        }
        .into())
    }
}
