package import Collectives
package import Files

/// Writes a data set's token states and the record beside them, item by item in constant memory.
package struct TokenStatesWriter {
  private let folder: String
  private let itemTableChecksum: String
  private let tokens: Int
  private let type: ElementType

  /// Values converted and written at a time.
  private static let batchValues = 1 << 18
  /// Batches after which the source lets go of what it read of its file: 64 MiB of numbers.
  private static let batchesToForget = 64

  /// Sets up a writer.
  ///
  /// - Parameters:
  ///   - folder: The data set's folder.
  ///   - itemTableChecksum: The data set's ``DatasetItems/checksum``, by which a stale file is known later.
  ///   - tokens: The limit of tokens an item that the source keeps to.
  ///   - type: How to store the states: F32, F16 or BF16.
  package init(folder: String, itemTableChecksum: String, tokens: Int, type: ElementType) {
    precondition([.f32, .f16, .bf16].contains(type), "token states cannot be stored as \(type.rawValue)")
    self.folder = folder
    self.itemTableChecksum = itemTableChecksum
    self.tokens = tokens
    self.type = type
  }

  /// Writes the states of all items; collective.
  ///
  /// The files are the same, byte for byte, on any number of ranks.
  ///
  /// - Parameters:
  ///   - source: Where the states come from.
  ///   - items: The data set's items.
  ///   - communicator: The ranks, each of which makes the states of a share of the items.
  ///   - progress: Called now and then with the number of items done, as far as this rank can tell from its own share.
  ///   - beforeRecord: Writes what else belongs to the encoding, once the states are in place: the record comes last, so that a data set
  ///     with a record is whole.
  /// - Throws: `InputError` naming the first item whose states are not finite, or when the disk refuses.
  package func write(
    _ source: some TokenSource, items: some TextItems, on communicator: any Communicator = SoloCommunicator(),
    progress: (Int) -> Void = { _ in }, beforeRecord: (EncodingRecord) throws -> Void = { _ in }
  ) throws -> EncodingRecord {
    let own = ItemShares.own(communicator, count: items.count) { source.weight($0) }
    var ends: [Int64] = []
    ends.reserveCapacity(own.count + 1)
    var withStates = 0
    for item in own {
      let count = source.tokenCount(item)
      ends.append((ends.last ?? 0) + Int64(count))
      withStates += count > 0 ? 1 : 0
    }
    let rows = try communicator.gatherCounts(Int(ends.last ?? 0))
    let first = rows[..<communicator.rank].reduce(0, +)
    let total = rows.reduce(0, +)
    let file = try SharedTensors(
      path: "\(folder)/\(TokenStates.fileName)",
      tensors: [TensorSpec("offsets", .i64, [items.count + 1]), TensorSpec("states", type, [total, source.dimension])],
      metadata: ["encoder": source.name, "tokens": "\(tokens)", TokenStates.itemTableKey: itemTableChecksum], on: communicator)
    try communicator.agree(on: InputError.init) {
      // Rank 0's begin with the 0 of the first item.
      try file.begin(0, at: communicator.isFirst ? 0 : own.lowerBound + 1)
      try file.write((communicator.isFirst ? [0] : []) + ends.map { Int64(first) + $0 })
      try file.begin(1, at: first * source.dimension)
      try write(source, items, own, to: file) { progress($0 * items.count / own.count) }
    }
    let record = EncodingRecord(
      source: source, tokens: tokens, type: type, items: items.count,
      itemsWithStates: try communicator.gatherCounts(withStates).reduce(0, +), rows: total,
      itemTableChecksum: itemTableChecksum, fileChecksum: hexadecimal(try file.finish()))
    try beforeRecord(record)
    try communicator.agree(on: InputError.init) { if communicator.isFirst { try record.write(folder: folder) } }
    return record
  }

  /// Writes the states of some items, a batch at a time.
  private func write(
    _ source: some TokenSource, _ items: some TextItems, _ own: Range<Int>, to file: SharedTensors, progress: (Int) -> Void
  ) throws {
    var (batch, batches): ([Float], Int) = ([], 0)
    batch.reserveCapacity(Self.batchValues + tokens * source.dimension)
    for item in own {
      let start = batch.count
      source.appendStates(item, to: &batch)
      try checkFinite(batch[start...], items, item, source.file)
      if batch.count >= Self.batchValues {
        try flush(&batch, to: file)
        batches += 1
        if batches % Self.batchesToForget == 0 { source.forget() }
        progress(item + 1 - own.lowerBound)
      }
    }
    try flush(&batch, to: file)
  }

  /// Refuses NaN, infinity, and what becomes infinity when stored.
  private func checkFinite(_ values: ArraySlice<Float>, _ items: some TextItems, _ item: Int, _ file: String?) throws {
    let limit = largestStorable
    var isFinite = true
    // Every comparison with NaN is false.
    values.withUnsafeBufferPointer { values in
      for value in values { isFinite = (abs(value) <= limit) && isFinite }
    }
    guard !isFinite else { return }
    let fault =
      values.allSatisfy(\.isFinite)
      ? "values too large for \(type.rawValue); store them with --dtype f32" : "NaN or infinity in them; encode it again"
    throw InputError("\(file.map { "\($0): " } ?? "")the states of item \"\(items.id(item))\" have \(fault)")
  }

  /// The largest Float that rounds to a finite number of the type.
  private var largestStorable: Float {
    switch type {
    case .f16: Float(65_520).nextDown
    case .bf16: Float(bitPattern: 0x7F7F_7FFF)
    default: .greatestFiniteMagnitude
    }
  }

  private func flush(_ batch: inout [Float], to file: SharedTensors) throws {
    let bytes = [UInt8](unsafeUninitializedCapacity: batch.count * type.size) { buffer, count in
      if let base = buffer.baseAddress { batch.withUnsafeBufferPointer { type.encode($0, into: base) } }
      count = batch.count * type.size
    }
    try file.write(bytes)
    batch.removeAll(keepingCapacity: true)
  }
}
