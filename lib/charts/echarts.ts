// Apache ECharts, the parts that are used. scripts/bundle.mjs makes dist/echarts.js of this file, which loads with the first
// chart, so that programs without charts do not pay for it.
import { BarChart, CustomChart, LineChart } from 'echarts/charts';
import { GridComponent, LegendComponent, TitleComponent } from 'echarts/components';
import { init, setPlatformAPI, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import { widthOf } from './measure.js';

use([BarChart, CustomChart, LineChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer]);
setPlatformAPI({
  measureText: (text, font = '') => ({ width: widthOf(text) * Number(/([\d.]+)px/.exec(font)?.[1] ?? 12) }),
});

/** The SVG of a chart, without a browser. */
export function renderSvg(option: object, width: number, height: number): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height });
  try {
    chart.setOption({ animation: false, ...option });
    return chart.renderToSVGString();
  } finally {
    chart.dispose();
  }
}
