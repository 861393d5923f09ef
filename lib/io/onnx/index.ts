// ONNX: models of other libraries become modules here, and modules go elsewhere.

export { type ExportOptions, exportModule as export } from './export.js';
export { type LoadOptions, load } from './load.js';
export type { ModelProto } from './messages.js';
export { type OnnxInput, OnnxModule } from './module.js';
