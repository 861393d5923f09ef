// Charts and pictures as SVG, light or dark as the reader prefers.
export { type BarsOptions, bars } from './bars.js';
export type { Axis, ChartOptions } from './frame.js';
export { type HeatmapOptions, heatmap } from './heatmap.js';
export { type Line, type LineStyle, type LinesOptions, lines } from './lines.js';
export { type Picture, type PicturesOptions, pictures, sideBySide } from './pictures.js';
