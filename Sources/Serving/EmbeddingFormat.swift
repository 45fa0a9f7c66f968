/// How embeddings are written.
public enum EmbeddingFormat: String, Sendable, CaseIterable {
  /// A safetensors file with one tensor `embeddings` [rows, d] F32; ids beside it in a text file, a line each.
  case safetensors
  /// NumPy's format, version 1.0, float32 [rows, d]; ids beside it in a text file, a line each.
  case npy
  /// An object a line: `{"id":"…","embedding":[…]}`, each number with as many digits as name it exactly.
  case jsonl
}
