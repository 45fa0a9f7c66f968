import Files
import Tensors

extension StoredRows {
  /// These rows as a tensor of a file.
  func tensor(_ name: String) -> TensorSpec {
    let type: ElementType =
      switch element {
      case .fp32: .f32
      case .bf16: .bf16
      }
    return TensorSpec(name, type, [rows, columns])
  }
}

extension SafetensorsFile {
  /// Reads a tensor in F32 or BF16 into stored rows of its shape, in whichever of the two formats they are.
  ///
  /// Throws `InputError` when the tensor is missing or of another shape or type.
  func read(_ name: String, into rows: StoredRows) throws {
    let (shape, element) = ([rows.rows, rows.columns], tensors[name]?.type == .bf16 ? StoredRows.Element.bf16 : .fp32)
    func store<Number>(_ values: UnsafeBufferPointer<Number>) {
      guard let base = values.baseAddress else { return }
      rows.store(StoredRows(UnsafeMutableRawPointer(mutating: base), element, rows: rows.rows, columns: rows.columns))
    }
    switch element {
    case .fp32: try withValues(name, as: Float.self, .f32, shape: shape, store)
    case .bf16: try withValues(name, as: UInt16.self, .bf16, shape: shape, store)
    }
  }
}
