// ONNX: models of other libraries become modules here, and modules go elsewhere.
export type { ModelProto } from './messages.js';
