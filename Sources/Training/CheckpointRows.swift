import Collectives
import Files
import Items
import Tensors

/// The item table in a checkpoint: files of fixed runs of rows, whatever the number of ranks.
///
/// `items-00000.safetensors` holds ID rows with their optimizer state, `tokens-00000.safetensors` token states with theirs and
/// each row's number of tokens. Rank r writes files r, r + R, …; its rows come from their owners, a few megabytes at a time.
struct CheckpointRows {
  /// The kinds of files: the beginning of their names.
  enum Kind: String, CaseIterable {
    case items, tokens
  }

  private static let tokenCounts = "token_counts"
  /// A file's wanted size, and how much of it is on its way at once.
  private static let (fileBytes, sliceBytes) = (256 << 20, 4 << 20)

  private let kind: Kind
  private let items: ItemTable
  private let blocks: [TableBlock]
  private let communicator: any Communicator

  init(_ kind: Kind, _ items: ItemTable, communicator: any Communicator) {
    self.kind = kind
    self.items = items
    self.communicator = communicator
    blocks = kind == .items ? items.idBlocks : items.tokenBlocks()
  }

  // MARK: Write

  /// Writes every file into a folder; collective, and every rank gets the list.
  func write(to folder: String) throws -> [CheckpointManifest.File] {
    let files = fileRows()
    var checksums = [Double](repeating: 0, count: files.count)
    for first in stride(from: 0, to: files.count, by: communicator.size) {
      let runs = (0..<communicator.size).map { first + $0 < files.count ? files[first + $0] : 0..<0 }
      let number = first + communicator.rank
      let checksum = try write(runs, path: "\(folder)/\(name(number))")
      if number < files.count { checksums[number] = Double(checksum) }
    }
    return try zip(files.indices, communicator.sum(checksums, as: .other)).map { number, checksum in
      let rows = files[number]
      return .init(name: name(number), crc32: Checkpoint.hex(UInt32(checksum)), rows: [rows.lowerBound, rows.upperBound])
    }
  }

  /// Writes this rank's file of a round, if it has one; all ranks give their rows to all files of the round.
  private func write(_ runs: [Range<Int>], path: String) throws -> UInt32 {
    let gatherer = RowGatherer(items, communicator: communicator)
    let own = runs[communicator.rank]
    let counts = kind == .tokens ? try gatherer.tokenCounts(runs) : []
    guard !own.isEmpty else {
      try forEachSlice(runs) { block, slices in try gatherer.gather(block, slices, tokenCounts: []) { _ in } }
      return 0
    }
    var writer = try SafetensorsWriter(path: path, tensors: specs(own, counts))
    if kind == .tokens { try writer.write(counts) }
    try forEachSlice(runs) { block, slices in
      let rows = slices[communicator.rank]
      let tokens = kind == .tokens ? counts[(rows.lowerBound - own.lowerBound)..<(rows.upperBound - own.lowerBound)] : []
      try gatherer.gather(block, slices, tokenCounts: tokens) { try writer.append($0) }
    }
    return try writer.finish()
  }

  /// Calls `body` for each block and each slice of the runs, in the same order on every rank.
  private func forEachSlice(
    _ runs: [Range<Int>], _ body: (_ block: TableBlock, _ slices: [Range<Int>]) throws -> Void
  ) throws {
    let longest = runs.map(\.count).max() ?? 0
    for block in blocks {
      let rows = max(1, Self.sliceBytes / max(bytesPerRow(block), 1))
      for done in stride(from: 0, to: longest, by: rows) {
        let slices = runs.map { run in
          min(run.lowerBound + done, run.upperBound)..<min(run.lowerBound + done + rows, run.upperBound)
        }
        try body(block, slices)
      }
    }
  }

  private func specs(_ rows: Range<Int>, _ counts: [Int32]) -> [TensorSpec] {
    let tokens = counts.reduce(0) { $0 + Int($1) }
    let head = kind == .tokens ? [TensorSpec(Self.tokenCounts, .i32, [rows.count])] : []
    return head + blocks.map { TensorSpec($0.name, Self.type($0), [$0.isPerToken ? tokens : rows.count, $0.lines.columns]) }
  }

  /// The rows of each file: a function of the table alone.
  private func fileRows() -> [Range<Int>] {
    let rows = max(1, Self.fileBytes / max(blocks.reduce(0) { $0 + bytesPerRow($1) }, 1))
    return stride(from: 0, to: max(items.partition.rows, 1), by: rows).map { $0..<min($0 + rows, items.partition.rows) }
  }

  private func bytesPerRow(_ block: TableBlock) -> Int { block.lineBytes * (block.isPerToken ? items.shape.tokens : 1) }

  private func name(_ number: Int) -> String {
    let digits = String(number)
    return "\(kind.rawValue)-\(String(repeating: "0", count: max(0, 5 - digits.count)))\(digits).safetensors"
  }

  // MARK: Read

  /// Copies this rank's rows out of a checkpoint's files.
  ///
  /// Throws `InputError` naming the file and tensor that do not fit.
  func load(from checkpoint: Checkpoint) throws {
    let files = checkpoint.manifest.files.filter { $0.name.hasPrefix("\(kind.rawValue)-") }
    var next = 0
    for (number, file) in files.enumerated() {
      guard let rows = file.rows, rows.count == 2, rows[0] == next, rows[1] >= next, rows[1] <= items.partition.rows else {
        throw InputError("\(checkpoint.path): the rows of \(file.name) do not follow those before; use another checkpoint")
      }
      next = rows[1]
      // Everybody reads every file for its rows; one rank reads it whole, for its checksum.
      let isVerified = number % communicator.size == communicator.rank
      try load(rows[0]..<rows[1], try checkpoint.open(file.name, verifying: isVerified))
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

  private static func type(_ block: TableBlock) -> ElementType {
    switch block.lines.element {
    case .fp32: .f32
    case .bf16: .bf16
    case .fp16: .f16
    }
  }

  /// Where each row's tokens start in a file; the number of tokens of this rank's rows must be the model's.
  private func tokenStarts(_ rows: Range<Int>, _ file: SafetensorsFile) throws -> [Int] {
    try file.withValues(Self.tokenCounts, as: Int32.self, .i32, shape: [rows.count]) { counts in
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
