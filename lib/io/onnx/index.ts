// ONNX: models of other libraries become modules here, and modules go elsewhere.

export { type ExportOptions, exportModule as export } from './export.js';
export type { ModelProto } from './messages.js';
