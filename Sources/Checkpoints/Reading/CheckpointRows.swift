import Files
import Host
import Model
import Tensors

/// Reads a checkpoint's item table: each rank the rows that it owns, out of files that any number of ranks wrote.
struct CheckpointRows {
  private let kind: CheckpointLayout.Kind
  private let items: ItemTable
  private let blocks: [TableBlock]
  private let indices: RowIndices

  init(_ kind: CheckpointLayout.Kind, _ contents: CheckpointContents, _ indices: RowIndices) {
    self.kind = kind
    items = contents.model.items
    self.indices = indices
    blocks = contents.blocks(kind)
  }

  /// Copies this rank's rows out of a checkpoint's files.
  ///
  /// Throws `InputError` naming the file and tensor that do not fit.
  ///
  /// Everybody reads every file for its rows.
  func load(from checkpoint: Checkpoint, checkStop: () throws -> Void) throws {
    try checkpoint.forEachFile(kind, rows: indices.rows, checkStop, load)
  }

  private func load(_ rows: Range<Int>, _ file: SafetensorsFile) throws {
    let starts = try kind == .tokens ? tokenStarts(rows, file) : Array(0...rows.count)
    for block in blocks {
      // Whichever way a checkpoint stores token states, it serves a model that stores them in another.
      switch file.tensors[block.name]?.type {
      case .bf16: try load(block, rows, starts, file, as: UInt16.self, .bf16, .bf16)
      case .f16: try load(block, rows, starts, file, as: UInt16.self, .f16, .fp16)
      default: try load(block, rows, starts, file, as: Float.self, .f32, .fp32)
      }
    }
  }

  private func load<Number: BitwiseCopyable>(
    _ block: TableBlock, _ rows: Range<Int>, _ starts: [Int], _ file: SafetensorsFile, as number: Number.Type,
    _ type: ElementType, _ element: NumberFormat
  ) throws {
    let columns = block.lines.columns
    try file.withValues(block.name, as: number, type, shape: [starts[rows.count], columns]) { values in
      guard let base = UnsafeMutablePointer(mutating: values.baseAddress) else { return }
      indices.forEach(in: rows) { position, local in
        let target = block.lines.rows(items.lines(of: block, localRows: local..<local + 1))
        // An item whose text has come or changed since has the data set's states.
        guard target.rows == starts[position + 1] - starts[position] else { return }
        target.store(StoredRows(base + starts[position] * columns, element, rows: target.rows, columns: columns))
      }
    }
  }

  /// Where each row's tokens start in a file; in the same table, the number of tokens of this rank's rows must be the model's.
  private func tokenStarts(_ rows: Range<Int>, _ file: SafetensorsFile) throws -> [Int] {
    try file.withValues(kind.head, as: Int32.self, .i32, shape: [rows.count]) { counts in
      var starts = [0]
      starts.reserveCapacity(rows.count + 1)
      for (index, row) in rows.enumerated() {
        guard counts[index] >= 0, !indices.isSame || Int(counts[index]) <= items.shape.tokens else {
          throw InputError(
            "\(file.path): row \(row) has \(counts[index]) token states, the model has at most \(items.shape.tokens)")
        }
        starts.append(starts[index] + Int(counts[index]))
      }
      guard indices.isSame else { return starts }
      try indices.forEach(in: rows) { position, local in
        let expected = items.tokens.tokens(of: local).count
        guard Int(counts[position]) == expected else {
          throw InputError(
            "\(file.path): row \(rows.lowerBound + position) has \(counts[position]) token states, the model has \(expected)")
        }
      }
      return starts
    }
  }
}
