package import Datasets
import Files
import Foundation
package import Texts

/// A data set of a few items with texts, encoded as `precise encode` does.
package struct TextWorld {
  package static let tokens = 4

  package let folder: TemporaryFolder
  package let dataset: Dataset

  /// Items with the texts given, `i0` on; the order of the data set's rows is its own.
  package init(_ texts: [String]) throws {
    folder = try TemporaryFolder()
    var builder = DatasetBuilder()
    for (item, text) in texts.enumerated() {
      builder.addItem("i\(item)", text: text)
      builder.addEvent(user: "u", item: "i\(item)", seconds: item)
    }
    dataset = try builder.write(to: folder.file("d"))
  }

  package var path: String { "\(dataset.path)/\(TextVectors.fileName)" }

  /// The row of an item.
  package func row(_ item: Int) throws -> Int {
    guard let row = dataset.items.index(of: "i\(item)") else { throw InputError("no item \(item)") }
    return row
  }

  /// Writes token states and their record; `name` is what the record calls the encoder.
  @discardableResult
  package func encode(as name: String = "hashed", dimension: Int = 6, without: Set<Int> = []) throws -> EncodingRecord {
    let items = DatasetItems(dataset)
    let source = SparseSource(
      name: name, source: HashedSource(items: items, encoder: HashedEncoder(dimension: dimension, maxTokens: Self.tokens)),
      without: Set(try without.map(row)))
    return try TokenStatesWriter(folder: dataset.path, itemTableChecksum: items.checksum, tokens: Self.tokens, type: .f32)
      .write(source, items: items)
  }

  /// Writes token states and text vectors, and reads the latter back.
  package func vectors(as name: String = "hashed", dimension: Int = 6, without: Set<Int> = []) throws -> TextVectors {
    let items = DatasetItems(dataset)
    let record = try encode(as: name, dimension: dimension, without: without)
    try TextVectors.write(
      folder: dataset.path, items: items, itemTableChecksum: items.checksum, record: record, states: TokenStates(dataset: dataset)
    )
    guard let vectors = try TextVectors(dataset: dataset) else { throw InputError("\(path) is not there") }
    return vectors
  }

  /// The vector of an item.
  package func vector(_ item: Int, _ vectors: TextVectors) throws -> [Float] {
    var vector = [Float](repeating: .nan, count: vectors.width)
    vectors.copy(try row(item), into: &vector)
    return vector
  }
}

/// The product of two vectors.
package func product(_ one: some Sequence<Float>, _ other: some Sequence<Float>) -> Float {
  zip(one, other).reduce(0) { $0 + $1.0 * $1.1 }
}

/// Token states under another encoder's name, which some items lack.
private struct SparseSource<Source: TokenSource>: TokenSource {
  let name: String
  let source: Source
  let without: Set<Int>

  var dimension: Int { source.dimension }
  func tokenCount(_ item: Int) -> Int { without.contains(item) ? 0 : source.tokenCount(item) }
  func appendStates(_ item: Int, to states: inout [Float]) {
    if !without.contains(item) { source.appendStates(item, to: &states) }
  }
}
