import Collectives
import Files
import Items
import Model
import Tensors

/// Reads a checkpoint's item table: each rank the rows that it owns, out of files that any number of ranks wrote.
struct CheckpointRows {
  private let kind: CheckpointLayout.Kind
  private let items: ItemTable
  private let blocks: [TableBlock]
  private let communicator: any Communicator

  init(_ kind: CheckpointLayout.Kind, _ contents: CheckpointContents, communicator: any Communicator) {
    self.kind = kind
    items = contents.model.items
    self.communicator = communicator
    blocks = contents.blocks(kind)
  }

  /// Copies this rank's rows out of a checkpoint's files.
  ///
  /// Throws `InputError` naming the file and tensor that do not fit.
  ///
  /// Everybody reads every file for its rows.
  func load(from checkpoint: Checkpoint, mayGoOn: () throws -> Void) throws {
    let files = checkpoint.manifest.files.filter { $0.name.hasPrefix("\(kind.rawValue)-") }
    var next = 0
    for file in files {
      try mayGoOn()
      guard let rows = file.rows, rows.count == 2, rows[0] == next, rows[1] >= next, rows[1] <= items.partition.rows else {
        throw InputError("\(checkpoint.path): the rows of \(file.name) do not follow those before; use another checkpoint")
      }
      next = rows[1]
      try load(rows[0]..<rows[1], try checkpoint.open(file.name))
    }
    guard next == items.partition.rows else {
      throw InputError("\(checkpoint.path) has \(kind.rawValue) of \(next) rows, the model has \(items.partition.rows)")
    }
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
    _ type: ElementType, _ element: StoredRows.Element
  ) throws {
    let columns = block.lines.columns
    try file.withValues(block.name, as: number, type, shape: [starts[rows.count], columns]) { values in
      guard let base = UnsafeMutablePointer(mutating: values.baseAddress) else { return }
      for (index, row) in rows.enumerated() where items.partition.owner(of: row) == communicator.rank {
        let local = items.partition.localRow(of: row)
        let target = block.lines.rows(items.lines(of: block, localRows: local..<local + 1))
        target.store(StoredRows(base + starts[index] * columns, element, rows: target.rows, columns: columns))
      }
    }
  }

  /// Where each row's tokens start in a file; the number of tokens of this rank's rows must be the model's.
  private func tokenStarts(_ rows: Range<Int>, _ file: SafetensorsFile) throws -> [Int] {
    try file.withValues(kind.head, as: Int32.self, .i32, shape: [rows.count]) { counts in
      var starts = [0]
      starts.reserveCapacity(rows.count + 1)
      for (index, row) in rows.enumerated() {
        let count = Int(counts[index])
        let isOwn = items.partition.owner(of: row) == communicator.rank
        let expected = isOwn ? items.tokens.tokens(of: items.partition.localRow(of: row)).count : count
        guard (0...items.shape.tokens).contains(count), count == expected else {
          throw InputError("\(file.path): row \(row) has \(count) token states, the model has \(expected)")
        }
        starts.append(starts[index] + count)
      }
      return starts
    }
  }
}
