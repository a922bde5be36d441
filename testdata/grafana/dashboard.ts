// The dashboards that are written, by the types of @grafana/schema; see scripts/grafana-schema.
import * as raw from '@grafana/schema/dist/types/raw/dashboard/x/types.gen';
import * as ts from '@grafana/schema/dist/types/raw/composable/timeseries/panelcfg/x/types.gen';
import * as stat from '@grafana/schema/dist/types/raw/composable/stat/panelcfg/x/types.gen';
import * as table from '@grafana/schema/dist/types/raw/composable/table/panelcfg/x/types.gen';
import * as timeline from '@grafana/schema/dist/types/raw/composable/statetimeline/panelcfg/x/types.gen';
import * as gauge from '@grafana/schema/dist/types/raw/composable/gauge/panelcfg/x/types.gen';
import * as text from '@grafana/schema/dist/types/raw/composable/text/panelcfg/x/types.gen';

interface PrometheusQuery { refId: string; expr: string; datasource: {type: 'prometheus'; uid: string}; legendFormat?: string; instant?: boolean; range?: boolean; format?: 'time_series' | 'table'; exemplar?: boolean; interval?: string; editorMode?: 'code' | 'builder'; hide?: boolean; }
type Typed<Kind, Options, Custom> = Omit<raw.Panel, 'type' | 'options' | 'fieldConfig' | 'targets'> & {
  type: Kind; options: Options; targets?: PrometheusQuery[];
  fieldConfig: Omit<raw.FieldConfigSource, 'defaults'> & { defaults: Omit<raw.FieldConfig, 'custom'> & { custom?: Custom } };
};
type AnyPanel = Typed<'timeseries', ts.Options, Partial<ts.FieldConfig>> | Typed<'stat', stat.Options, {}>
  | Typed<'table', Partial<table.Options>, {}> | Typed<'state-timeline', timeline.Options, Partial<timeline.FieldConfig>>
  | Typed<'gauge', gauge.Options, {}> | Typed<'text', text.Options, {}> | raw.RowPanel;
// What the plugin of Prometheus adds to annotations.
interface PrometheusAnnotation { expr?: string; titleFormat?: string; textFormat?: string; tagKeys?: string; step?: string; }
type Annotations = { list: (raw.AnnotationQuery & PrometheusAnnotation)[] };
export type SloDashboard = Omit<raw.Dashboard, 'panels' | 'annotations'> & { panels: AnyPanel[]; annotations: Annotations };
