import Files
import Foundation

/// hnswlib's file, checked before anything is searched by it: every size, every label, every link, every layer.
///
/// hnswlib's own loader believes the file. The layout (hnswlib 0.6 to 0.8, little-endian): 96 bytes of header; for each row its links in the
/// lowest layer (a count and 2 M row numbers of 32 bits), its numbers in float32 and its label in 64 bits; then for each row the bytes of
/// its upper layers (32 bits) and these, a count and M row numbers each.
struct NeighborGraphFile {
  /// What the graph is made of, as the header says and the file bears out.
  let shape: NeighborGraph.Shape
  private let path: String
  private let bytes: UnsafeRawBufferPointer
  private let rowBytes: Int
  private let topLayer: Int
  private let entry: Int
  /// Upper layers of each row.
  private var layers: [Int] = []
  /// Where each row's upper layers begin.
  private var starts: [Int] = []

  /// The range of M; hnswlib itself refuses none, and beyond it nothing is gained.
  static let neighborRange = 2...256
  /// The range of efConstruction.
  static let buildWidthRange = 1...100_000
  /// Far above what the draws of a layer can give.
  private static let mostLayers = 64
  private static let headerBytes = 96

  /// Checks the bytes of a file.
  ///
  /// - Parameters:
  ///   - rows: the number of rows that it must have.
  ///   - width: their number of columns.
  /// - Throws: `InputError` on the first thing that is not as it must be.
  init(_ bytes: UnsafeRawBufferPointer, path: String, rows: Int, width: Int) throws {
    (self.path, self.bytes) = (path, bytes)
    func damage(_ what: String) -> InputError { Self.damage(path, what) }
    guard bytes.count >= Self.headerBytes else { throw damage("it has \(bytes.count) bytes, fewer than its header") }
    func number(_ offset: Int) -> Int { Int(clamping: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) }
    let neighbors = number(72)
    guard Self.neighborRange.contains(neighbors), number(56) == neighbors, number(64) == 2 * neighbors else {
      throw damage("its rows cannot have \(neighbors) links")
    }
    let buildWidth = number(88)
    guard Self.buildWidthRange.contains(buildWidth) else { throw damage("it cannot have been built \(buildWidth) wide") }
    guard number(16) == rows, number(8) == rows else { throw damage("it has \(number(16)) rows and not \(rows)") }
    let linkBytes = 4 + 8 * neighbors
    rowBytes = linkBytes + 4 * width + 8
    guard number(0) == 0, number(24) == rowBytes, number(32) == rowBytes - 8, number(40) == linkBytes else {
      throw damage("its rows are not \(width) wide")
    }
    let scale = bytes.loadUnaligned(fromByteOffset: 80, as: Double.self)
    guard abs(scale - 1 / log(Double(neighbors))) < 1e-9 else { throw damage("its layers are drawn another way") }
    topLayer = Int(bytes.loadUnaligned(fromByteOffset: 48, as: Int32.self))
    entry = Int(bytes.loadUnaligned(fromByteOffset: 52, as: UInt32.self))
    shape = NeighborGraph.Shape(rows: rows, width: width, neighbors: neighbors, buildWidth: buildWidth)
    let (size, isTooLarge) = rows.multipliedReportingOverflow(by: rowBytes)
    guard !isTooLarge, bytes.count - Self.headerBytes >= size else { throw damage("it ends among its rows") }
    try findLayers(from: Self.headerBytes + size)
    for row in 0..<rows { try check(row) }
    try checkLabels()
  }

  static func damage(_ path: String, _ what: String) -> InputError {
    InputError("\(path) is damaged or none of this index (\(what)); build the index again")
  }

  /// Where rows' upper layers are, up to the file's end; the row to start from is in the top one.
  private mutating func findLayers(from start: Int) throws {
    let layerBytes = 4 + 4 * shape.neighbors
    var offset = start
    (layers, starts) = ([Int](repeating: 0, count: shape.rows), [Int](repeating: 0, count: shape.rows))
    for row in 0..<shape.rows {
      guard bytes.count - offset >= 4 else { throw Self.damage(path, "it ends before the layers of row \(row)") }
      let size = word(offset)
      guard size % layerBytes == 0, size / layerBytes <= Self.mostLayers, size <= bytes.count - offset - 4 else {
        throw Self.damage(path, "row \(row) cannot have \(size) bytes of layers")
      }
      (layers[row], starts[row]) = (size / layerBytes, offset + 4)
      offset += 4 + size
    }
    guard offset == bytes.count else { throw Self.damage(path, "it goes on for \(bytes.count - offset) bytes behind its end") }
    guard shape.rows > 0 else { return }
    guard entry < shape.rows, layers[entry] == topLayer, layers.max() == topLayer else {
      throw Self.damage(path, "no search can start at row \(entry)")
    }
  }

  /// Links of one row in all its layers, and its numbers.
  private func check(_ row: Int) throws {
    let start = Self.headerBytes + row * rowBytes
    try checkLinks(start, of: row, layer: 0, most: 2 * shape.neighbors)
    for layer in 0..<layers[row] {
      try checkLinks(
        starts[row] + layer * (4 + 4 * shape.neighbors), of: row, layer: layer + 1, most: shape.neighbors)
    }
    let numbers = start + 4 + 8 * shape.neighbors
    for column in 0..<shape.width {
      guard bytes.loadUnaligned(fromByteOffset: numbers + 4 * column, as: Float.self).isFinite else {
        throw Self.damage(path, "column \(column) of row \(row) is no number")
      }
    }
  }

  /// A row may only be linked in a layer that it is in.
  ///
  /// The upper half of a count marks rows as deleted, which ours never are.
  private func checkLinks(_ start: Int, of row: Int, layer: Int, most: Int) throws {
    let count = word(start)
    guard count <= most else { throw Self.damage(path, "row \(row) cannot have \(count) links in layer \(layer)") }
    for link in 0..<count {
      let other = word(start + 4 + 4 * link)
      guard other < shape.rows, layers[other] >= layer else {
        throw Self.damage(path, "row \(row) is linked to \(other) in layer \(layer), which is not there")
      }
    }
  }

  /// Labels are catalogue rows, each once.
  private func checkLabels() throws {
    var isTaken = [Bool](repeating: false, count: shape.rows)
    for row in 0..<shape.rows {
      let label = bytes.loadUnaligned(fromByteOffset: Self.headerBytes + (row + 1) * rowBytes - 8, as: UInt64.self)
      guard label < shape.rows, !isTaken[Int(label)] else { throw Self.damage(path, "row \(row) has the number \(label)") }
      isTaken[Int(label)] = true
    }
  }

  /// Walks through the rows as they are stored: each one's label and numbers.
  func forEachRow(_ body: (_ label: Int, _ numbers: UnsafeRawBufferPointer) throws -> Void) rethrows {
    for row in 0..<shape.rows {
      let end = Self.headerBytes + (row + 1) * rowBytes
      let numbers = end - 8 - 4 * shape.width
      try body(
        Int(bytes.loadUnaligned(fromByteOffset: end - 8, as: UInt64.self)),
        UnsafeRawBufferPointer(rebasing: bytes[numbers..<end - 8]))
    }
  }

  private func word(_ offset: Int) -> Int { Int(bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)) }
}
