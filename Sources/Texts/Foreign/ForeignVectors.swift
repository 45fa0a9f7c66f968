package import Collectives
package import Files
import Glibc
import Parquet

/// One vector an item made elsewhere, as an embedding API returns it: each becomes its item's single token state.
///
/// Read from a NumPy array or a safetensors tensor `[items, width]`, both mapped, with a list of ids beside it; or from lines
/// `{"id": …, "embedding": […]}` or a Parquet table with such columns, of which the data set's items are kept in memory. Numbers stay as they are: in trials vectors of length
/// 1, as APIs return them, trained as well as the same scaled to the size of token states.
package struct ForeignVectors: TokenSource, Sendable {
  /// What a record calls vectors whose file does not say where they are from.
  package static let unnamed = "vectors"
  /// The file, as it was named.
  package let path: String
  /// The encoder's name.
  package let name: String
  /// Whether the file or the caller names the encoder.
  package let isNamed: Bool
  /// Items of the data set that have no vector.
  package let missingItems: Int
  /// Ids of the file that the data set does not have.
  package let unusedItems: Int
  /// Items whose vector is all zeros, which counts as none.
  package private(set) var zeroItems = 0
  private let vectors: VectorRows
  /// The row of each item of the data set; -1 for none.
  private var rows: [Int]

  /// Opens a file and finds the data set's items in it.
  ///
  /// - Parameters:
  ///   - path: A `.npy`, safetensors, Parquet or JSON lines file (`.gz`, `-`), told from its first bytes.
  ///   - ids: The list of ids for the first two; nil looks beside the file, for `FILE.ids.txt`, then for `items.txt`.
  ///   - items: The data set's items.
  ///   - name: What to call the encoder; nil leaves it to the file.
  /// - Throws: `InputError` when a file is damaged, ids and vectors do not belong together, an id stands twice, a vector of the data
  ///   set's items is not finite, or none is of the data set's items.
  package init(path: String, ids: String?, items: some TextItems, name: String?) throws {
    self = try ForeignVectors(unchecked: path, ids: ids, items: items, name: name).checked(items, on: SoloCommunicator())
  }

  /// The same without a look at the vectors' numbers, for ``checked(_:on:)``.
  package init(unchecked path: String, ids: String?, items: some TextItems, name: String?) throws {
    self.path = path
    var found = ItemRows(count: items.count)
    switch VectorFileKind(path) {
    case .numpy:
      vectors = try VectorRows(numpy: path)
      try Self.readList(ids, path, vectors, items, &found)
    case .safetensors:
      vectors = try VectorRows(safetensors: path)
      try Self.readList(ids, path, vectors, items, &found)
    case .parquet:
      guard ids == nil else { throw InputError("\(path) has a column of ids; leave --ids out") }
      vectors = try Self.readParquet(path, items, &found)
    case .lines:
      guard ids == nil else { throw InputError("\(path) has an id on each line; leave --ids out") }
      vectors = try Self.readLines(path, items, &found)
    }
    unusedItems = found.unused
    missingItems = found.missing
    guard missingItems < items.count || items.count == 0 else {
      let theirs = found.firstUnused.map { ", the file's first is \"\($0)\"" } ?? ""
      throw InputError(
        "\(path) has a vector of none of the data set's items; are the ids written in the same way? The data set's first is "
          + "\"\(items.id(0))\"\(theirs)")
    }
    rows = found.rows
    isNamed = name != nil || vectors.metadata["encoder"] != nil
    self.name = name ?? vectors.metadata["encoder"] ?? Self.unnamed
  }

  /// The file of the vectors.
  package var file: String? { path }

  /// The vectors' width.
  package var dimension: Int { vectors.width }

  /// One vector an item.
  package var kind: EncodingRecord.Kind? { .vectors }

  /// How they are stored at best: as in the file, and float64 as float32.
  package var type: ElementType { vectors.type == .f64 ? .f32 : vectors.type }

  /// 1 for an item with a vector, else 0.
  package func tokenCount(_ item: Int) -> Int { rows[item] < 0 ? 0 : 1 }

  /// Appends the item's vector.
  package func appendStates(_ item: Int, to states: inout [Float]) {
    guard rows[item] >= 0 else { return }
    let start = states.count
    states.append(contentsOf: repeatElement(0, count: dimension))
    states.withUnsafeMutableBufferPointer { states in
      if let base = states.baseAddress { vectors.copy(rows[item], into: base + start) }
    }
  }

  /// Takes the vectors that were read out of memory, where a file has them.
  package func forget() { vectors.forget(0..<vectors.count) }

  /// Reads the list of ids that belongs to a file's rows.
  private static func readList(
    _ ids: String?, _ path: String, _ vectors: VectorRows, _ items: some TextItems, _ found: inout ItemRows
  ) throws {
    guard vectors.count > 0 else { throw InputError("\(path) has no vector in it; write one an item") }
    let folder = path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[...$0]) } ?? ""
    let beside = ["\(path).ids.txt", "\(folder)items.txt"]
    guard let list = ids ?? beside.first(where: { access($0, F_OK) == 0 }) else {
      throw InputError(
        "the ids of \(path) are wanted, one a line in its rows' order, in \(beside[0]); or name the list with --ids")
    }
    if list == beside[0] { try ItemRows.check(list: list, vectors.metadata, "vectors") }
    try found.read(list: list, rows: vectors.count, of: path, "vectors", items)
  }

  /// Reads a table with a column of ids and one of lists, keeping the vectors of the data set's items.
  private static func readParquet(_ path: String, _ items: some TextItems, _ found: inout ItemRows) throws -> VectorRows {
    let names = Set(try ParquetFile(path: path).columns.map(\.name))
    let reader = try ParquetVectorReader(
      path: path, id: VectorLine.identifierKeys.first(where: names.contains) ?? VectorLine.identifierKeys[0],
      vector: VectorLine.vectorKeys.first(where: names.contains))
    var values: [Float] = []
    var (place, row) = (0, 0)
    var isRead = true
    while isRead {
      isRead = try reader.next { id, vector in
        place += 1
        guard try found.add(id, row: row, items, at: "\(path): row \(place)") else { return }
        values.append(contentsOf: vector)
        row += 1
      }
    }
    guard let width = reader.width else { throw InputError("\(path) has no vector in it; write one an item") }
    guard (1...VectorRows.largestWidth).contains(width) else {
      throw InputError("\(path) has vectors of \(width) numbers; 1 to \(VectorRows.largestWidth) are wanted")
    }
    return VectorRows(values, width: width)
  }

  /// Reads lines, keeping the vectors of the data set's items.
  private static func readLines(_ path: String, _ items: some TextItems, _ found: inout ItemRows) throws -> VectorRows {
    let reader = try LineReader(path: path)
    let buffer = ByteBuffer()
    var values: [Float] = []
    var width: Int?
    var row = 0
    while let line = try reader.next() {
      guard line.contains(where: { $0 > 0x20 }) else { continue }
      let place = "\(reader.path):\(reader.lineNumber)"
      let start = values.count
      var parser = VectorLine(line, buffer: buffer)
      let id: String
      do {
        id = try parser.read(into: &values)
      } catch let fault as VectorLine.Fault {
        throw InputError("\(place): \(fault.detail); a line is {\"id\": \"…\", \"embedding\": [0.1, …]}")
      }
      let numbers = values.count - start
      guard numbers > 0 else { throw InputError("\(place): the vector of item \"\(id)\" has no number; make it again") }
      guard numbers == width ?? numbers else {
        throw InputError(
          "\(place): the vector of item \"\(id)\" has \(numbers) numbers, those before it \(width ?? 0); make all with one encoder"
        )
      }
      width = numbers
      if try found.add(id, row: row, items, at: place) { row += 1 } else { values.removeLast(numbers) }
    }
    guard let width else { throw InputError("\(path) has no vector in it; a line is {\"id\": \"…\", \"embedding\": [0.1, …]}") }
    return VectorRows(values, width: width)
  }

  /// Looks at every item's vector, and takes those of zeros alone away; collective.
  ///
  /// Each rank looks at a share of the file.
  ///
  /// - Throws: `InputError` on every rank, naming the first item of the data set whose vector is not finite.
  package func checked(_ items: some TextItems, on communicator: any Communicator) throws -> ForeignVectors {
    let found = lookThrough(Shares.range(of: communicator.rank, ranks: communicator.size, count: vectors.count))
    let first = try communicator.gatherCounts(found.firstNotFinite).min() ?? .max
    guard first == .max else {
      throw InputError(
        "\(path): the vector of item \"\(items.id(first))\" has NaN, infinity or a number beyond float32 in it; make it again")
    }
    var checked = self
    let zeros = try communicator.gather(found.zeros)
    for item in zeros { checked.rows[item] = -1 }
    checked.zeroItems = zeros.count
    return checked
  }

  /// The items of these rows whose vectors are all zeros, and the first whose vector is not finite; `Int.max` when there is none.
  private func lookThrough(_ share: Range<Int>) -> (zeros: [Int], firstNotFinite: Int) {
    var vector = [Float](repeating: 0, count: vectors.width)
    var (zeros, first, seen): ([Int], Int, Int) = ([], .max, share.lowerBound)
    // In the file's order, so that its pages are read once and let go of.
    for item in rows.indices.filter({ share.contains(rows[$0]) }).sorted(by: { rows[$0] < rows[$1] }) {
      let row = rows[item]
      let (isFinite, isZero) = vector.withUnsafeMutableBufferPointer { vector in
        if let base = vector.baseAddress { vectors.copy(row, into: base) }
        return (vector.allSatisfy(\.isFinite), vector.allSatisfy { $0 == 0 })
      }
      if !isFinite { first = min(first, item) }
      if isZero { zeros.append(item) }
      if row - seen >= vectors.rowsToForget {
        vectors.forget(seen..<row)
        seen = row
      }
    }
    vectors.forget(seen..<share.upperBound)
    return (zeros, first)
  }
}
