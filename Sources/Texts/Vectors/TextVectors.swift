package import Datasets
import Files
import Foundation

/// The text vectors of a data set's items, memory-mapped and checked: t `[V, w]`, the half of a served embedding that reads the text
/// as a search does.
///
///     t = [ lexical | semantic ] / √2        lexical: `LexicalEncoder`, semantic: `SemanticAxes`, each of length 1
///
/// Without a language model's states there is only the lexical part, of twice the width. The product of two vectors is the mean of the
/// two cosines: how alike two texts are by their words, and by what a language model makes of them. Ours; docs/model.md, section 7.
/// Nothing of it is trained: `precise encode` writes it once.
package final class TextVectors: Sendable {
  /// The name of the file in a data set's folder.
  package static let fileName = "text_vectors.safetensors"
  /// The rule that vectors are made by.
  static let rule = 1
  /// The header's entry that holds the rule.
  static let ruleKey = "rule"
  /// The header's entry that holds the checksum of the token states that the vectors were made beside.
  static let statesKey = "token_states_crc32"
  /// The widths of the parts are bounded: a file may claim any.
  static let mostWidth = 1 << 16

  /// The number of items V.
  package let itemCount: Int
  /// What a blend that was fitted with these vectors knows them by: the rule that makes them, and the token states they were made beside.
  package let identity: String
  /// w, the width of a vector.
  package let width: Int
  /// The part of the width that is lexical.
  let lexicalWidth: Int
  /// Encodes texts as the catalogue's were.
  package let lexical: LexicalEncoder
  /// Projects mean token states as the catalogue's were; nil without a language model's states.
  package let axes: SemanticAxes?

  private let file: SafetensorsFile
  private nonisolated(unsafe) let vectors: UnsafeRawBufferPointer
  /// What has come to the data set since; nil where these are the file's own items.
  private let growth: TextVectorGrowth?

  /// Opens a data set's text vectors; nil when it has none: it was encoded by an earlier version, or not at all.
  ///
  /// - Throws: `InputError` when they are damaged, or of other items or token states than the data set has.
  package init?(dataset: Dataset) throws {
    let path = "\(dataset.path)/\(Self.fileName)"
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    file = try SafetensorsFile(path: path)
    let record = try EncodingRecord(folder: dataset.path)
    guard file.metadata[Self.ruleKey] == "\(Self.rule)",
      file.metadata[TokenStates.itemTableKey] == DatasetItems(dataset).checksum,
      file.metadata[Self.statesKey] == record.fileChecksum
    else {
      throw InputError(
        "\(path) was made for other items or token states than the data set has now, or by another version; run `precise encode \(dataset.path)` again"
      )
    }
    guard let info = file.tensors["vectors"], info.shape.count == 2, (1...Self.mostWidth).contains(info.shape[1]),
      info.shape[0] == dataset.items.count, info.type == .f16,
      let mean = file.tensors["mean"], let directions = file.tensors["directions"], mean.shape.count == 1,
      directions.shape.count == 2, directions.shape[0] == mean.shape[0], directions.shape[1] < info.shape[1],
      directions.shape.allSatisfy({ $0 <= Self.mostWidth }), [0, record.width].contains(mean.shape[0])
    else {
      throw InputError("\(path) does not have the tensors of text vectors; run `precise encode \(dataset.path)` again")
    }
    (itemCount, width) = (info.shape[0], info.shape[1])
    vectors = try file.bytes("vectors")
    guard (try? file.checkFinite()) != nil else {
      throw InputError("\(path) has NaN or infinity in it; run `precise encode \(dataset.path)` again")
    }
    identity = "\(Self.rule)-\(file.metadata[Self.statesKey] ?? "")"
    lexicalWidth = width - directions.shape[1]
    let words = try file.values("words", as: UInt64.self, .u64, shape: [nil])
    let frequencies = try file.values("frequencies", as: Int64.self, .i64, shape: [words.count])
    let weights = WordWeights(
      texts: Int(file.metadata["texts"] ?? "") ?? itemCount, words: Array(words), frequencies: frequencies.map { Int($0) })
    lexical = LexicalEncoder(dimension: lexicalWidth, weights: weights)
    axes =
      directions.shape[1] == 0
      ? nil
      : SemanticAxes(
        mean: try file.floats("mean", shape: [nil]), directions: try file.floats("directions", shape: [nil, nil]),
        count: directions.shape[1])
    growth = nil
  }

  /// The same vectors for the items of a data set that has grown since.
  init(_ vectors: TextVectors, growth: TextVectorGrowth) {
    (itemCount, width, lexicalWidth) = (growth.places.count, vectors.width, vectors.lexicalWidth)
    (identity, lexical, axes) = (vectors.identity, vectors.lexical, vectors.axes)
    (file, self.vectors) = (vectors.file, vectors.vectors)
    self.growth = growth
  }

  /// Writes an item's vector, `width` numbers.
  package func copy(_ item: Int, into vector: UnsafeMutablePointer<Float>) {
    let bytes = width * ElementType.f16.size
    var (source, row) = (vectors, item)
    if let growth { (source, row) = growth.find(item, in: vectors) }
    ElementType.f16.decode(UnsafeRawBufferPointer(rebasing: source[row * bytes..<(row + 1) * bytes]), into: vector)
  }
}
