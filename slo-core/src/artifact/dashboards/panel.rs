//! Panels, and their positions.

use super::links::link_to;
use crate::promql::Expr;
use serde_json::{Value, json};

/// The width of a dashboard.
const WIDTH: u32 = 24;

/// Panels from left to right and from top to bottom.
#[derive(Default)]
pub(super) struct Layout {
    panels: Vec<Value>,
    x: u32,
    y: u32,
    height: u32,
}

impl Layout {
    /// A heading.
    pub(super) fn row(&mut self, title: &str) {
        self.break_line();
        let id = self.panels.len() + 1;
        self.panels.push(json!({
            "id": id, "type": "row", "title": title, "collapsed": false, "panels": [],
            "gridPos": {"x": 0, "y": self.y, "w": WIDTH, "h": 1},
        }));
        self.y += 1;
    }

    /// Adds a panel of `width` columns and `height` lines, beside the last one if there is room.
    pub(super) fn add(&mut self, width: u32, height: u32, panel: Panel) {
        if self.x + width > WIDTH {
            self.break_line();
        }
        let mut json = panel.json;
        if let Some(fields) = json.as_object_mut() {
            fields.insert("id".to_owned(), json!(self.panels.len() + 1));
            fields.insert("gridPos".to_owned(), json!({"x": self.x, "y": self.y, "w": width, "h": height}));
        }
        self.panels.push(json);
        self.x += width;
        self.height = self.height.max(height);
    }

    fn break_line(&mut self) {
        self.y += self.height;
        (self.x, self.height) = (0, 0);
    }

    pub(super) fn panels(self) -> Vec<Value> {
        self.panels
    }
}

/// A panel without its position.
pub(super) struct Panel {
    json: Value,
}

/// Colours of Grafana's palette.
pub(super) const RED: &str = "red";
pub(super) const ORANGE: &str = "orange";
pub(super) const GREEN: &str = "green";
pub(super) const BLUE: &str = "blue";

impl Panel {
    fn new(kind: &str, title: &str, words: &str, unit: &str, options: &Value) -> Self {
        Self {
            json: json!({
                "type": kind,
                "title": title,
                "description": words,
                "datasource": {"type": "prometheus", "uid": "${datasource}"},
                "targets": [],
                "options": options,
                "fieldConfig": {
                    "defaults": {
                        "unit": unit,
                        "color": {"mode": "palette-classic"},
                        "thresholds": {"mode": "absolute", "steps": [{"color": GREEN, "value": null}]},
                        "mappings": [],
                    },
                    "overrides": [],
                },
                "links": [],
                "transparent": false,
            }),
        }
    }

    /// A single number.
    pub(super) fn stat(title: &str, words: &str, unit: &str) -> Self {
        let options = json!({
            "reduceOptions": {"values": false, "calcs": ["lastNotNull"], "fields": ""},
            "orientation": "auto",
            "textMode": "auto",
            "wideLayout": true,
            "colorMode": "value",
            "graphMode": "none",
            "justifyMode": "auto",
            "showPercentChange": false,
            "percentChangeColorMode": "standard",
        });
        Self::new("stat", title, words, unit, &options).with_color("thresholds")
    }

    /// Curves over time.
    pub(super) fn time_series(title: &str, words: &str, unit: &str) -> Self {
        let options = json!({
            "legend": {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": true},
            "tooltip": {"mode": "multi", "sort": "desc"},
        });
        Self::new("timeseries", title, words, unit, &options).with(
            "custom",
            json!({"drawStyle": "line", "lineWidth": 2, "fillOpacity": 0, "spanNulls": false, "showPoints": "auto"}),
        )
    }

    /// A table.
    pub(super) fn table(title: &str, words: &str, unit: &str) -> Self {
        Self::new("table", title, words, unit, &json!({"showHeader": true, "cellHeight": "sm"}))
            .with_color("thresholds")
    }

    /// When alerts fired.
    pub(super) fn alerts(title: &str, words: &str) -> Self {
        let options = json!({
            "mergeValues": true,
            "showValue": "never",
            "alignValue": "left",
            "rowHeight": 0.8,
            "legend": {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": false},
            "tooltip": {"mode": "single", "sort": "none"},
        });
        let firing = json!({"1": {"text": "firing", "color": RED, "index": 0}});
        Self::new("state-timeline", title, words, "short", &options)
            .with("custom", json!({"lineWidth": 0, "fillOpacity": 80}))
            .with("mappings", json!([{"type": "value", "options": firing}]))
    }

    fn with_color(self, mode: &str) -> Self {
        self.with("color", json!({"mode": mode}))
    }

    fn fields(&mut self) -> Option<&mut Value> {
        self.json.get_mut("fieldConfig")
    }

    /// Sets a default for all fields.
    pub(super) fn with(mut self, key: &str, value: Value) -> Self {
        if let Some(defaults) =
            self.fields().and_then(|fields| fields.get_mut("defaults")).and_then(Value::as_object_mut)
        {
            defaults.insert(key.to_owned(), value);
        }
        self
    }

    /// Colours from given values on; `first` is the colour of everything below.
    pub(super) fn thresholds(self, first: &str, steps: &[(f64, &str)]) -> Self {
        let mut all = vec![json!({"color": first, "value": null})];
        all.extend(steps.iter().map(|(value, color)| json!({"color": color, "value": value})));
        self.with("thresholds", json!({"mode": "absolute", "steps": all}))
    }

    /// The thresholds as dashed lines.
    pub(super) fn with_lines(mut self) -> Self {
        let custom = self
            .fields()
            .and_then(|fields| fields.pointer_mut("/defaults/custom"))
            .and_then(Value::as_object_mut);
        if let Some(custom) = custom {
            custom.insert("thresholdsStyle".to_owned(), json!({"mode": "dashed"}));
        }
        self
    }

    /// A setting of curves.
    pub(super) fn custom(mut self, key: &str, value: Value) -> Self {
        let custom = self
            .fields()
            .and_then(|fields| fields.pointer_mut("/defaults/custom"))
            .and_then(Value::as_object_mut);
        if let Some(custom) = custom {
            custom.insert(key.to_owned(), value);
        }
        self
    }

    /// Settings of the field of one name.
    pub(super) fn of_field(self, name: &str, properties: &[(&str, Value)]) -> Self {
        self.of(&json!({"id": "byName", "options": name}), properties)
    }

    /// Settings of the fields whose names end with a word, in any group.
    pub(super) fn of_fields_ending(self, word: &str, properties: &[(&str, Value)]) -> Self {
        self.of(&json!({"id": "byRegexp", "options": format!("/\\b{word}$/")}), properties)
    }

    fn of(mut self, matcher: &Value, properties: &[(&str, Value)]) -> Self {
        let properties: Vec<Value> =
            properties.iter().map(|(id, value)| json!({"id": id, "value": value})).collect();
        let overrides =
            self.fields().and_then(|fields| fields.get_mut("overrides")).and_then(Value::as_array_mut);
        if let Some(overrides) = overrides {
            overrides.push(json!({"matcher": matcher, "properties": properties}));
        }
        self
    }

    fn push(mut self, list: &str, value: Value) -> Self {
        if let Some(list) = self.json.get_mut(list).and_then(Value::as_array_mut) {
            list.push(value);
        }
        self
    }

    fn target(self, query: &Expr, more: &Value) -> Self {
        let number = self.json.get("targets").and_then(Value::as_array).map_or(0, Vec::len);
        // A, B, …; no panel has more than 26 queries.
        let letter = u8::try_from(number).ok().and_then(|number| b'A'.checked_add(number)).unwrap_or(b'Z');
        let mut target = json!({
            "refId": char::from(letter).to_string(),
            "datasource": {"type": "prometheus", "uid": "${datasource}"},
            "expr": query.to_string(),
            "editorMode": "code",
        });
        if let (Some(target), Some(more)) = (target.as_object_mut(), more.as_object()) {
            target.extend(more.clone());
        }
        self.push("targets", target)
    }

    /// A query of the current value.
    pub(super) fn now(self, query: &Expr) -> Self {
        self.target(query, &json!({"instant": true, "range": false}))
    }

    /// A query of the current values, as rows.
    pub(super) fn rows(self, query: &Expr) -> Self {
        self.target(query, &json!({"instant": true, "range": false, "format": "table"}))
    }

    /// A query over time; `legend` names its curves.
    pub(super) fn over_time(self, query: &Expr, legend: &str) -> Self {
        self.target(query, &json!({"instant": false, "range": true, "legendFormat": legend}))
    }

    /// A step between queries and what is shown.
    pub(super) fn transformed(mut self, id: &str, options: &Value) -> Self {
        if let Some(json) = self.json.as_object_mut() {
            json.entry("transformations").or_insert_with(|| json!([]));
        }
        self.push("transformations", json!({"id": id, "options": options}))
    }

    /// A link of the panel.
    pub(super) fn linked(self, title: &str, url: &str) -> Self {
        self.push("links", link_to(title, url))
    }
}
