package import Datasets
package import Files
import Foundation

/// The token states of a data set's items, memory-mapped and checked.
///
/// `token_states.safetensors` holds `states` [M, dt] (F32, F16 or BF16) and `offsets` [V + 1] I64: item i owns
/// rows `offsets[i]..<offsets[i + 1]`, none when it has no text. docs/model.md, section 1.
package final class TokenStates: Sendable {
  /// The name of the file in a data set's folder.
  package static let fileName = "token_states.safetensors"
  /// The widest state and the most tokens of an item that are read (ours, twenty times what models have): a file may claim any
  /// width for a tensor without rows, and products of the two must not overflow.
  static let largestExtent = 65_536

  /// The width dt of a token state.
  package let dimension: Int
  /// The most tokens any item has; 0 when none has text.
  package let maxTokens: Int
  /// How the states are stored.
  package let type: ElementType
  /// The number of items V.
  package let itemCount: Int
  /// The CRC-32 of the file as the record of a data set's encoding has it, eight hexadecimal digits; nil for a file by itself.
  package let checksum: String?
  private let file: SafetensorsFile
  private nonisolated(unsafe) let offsetValues: UnsafeBufferPointer<Int64>
  private nonisolated(unsafe) let states: UnsafeRawBufferPointer

  /// The file, as it was named.
  package var path: String { file.path }

  /// Maps and checks a file.
  ///
  /// - Parameters:
  ///   - path: The safetensors file.
  ///   - items: The number of items it must be for.
  /// - Throws: `InputError` when the file is damaged or belongs to another number of items.
  package convenience init(path: String, items: Int) throws {
    try self.init(path: path, items: items, checksum: nil)
  }

  /// The same with the checksum that the encoding's record has.
  convenience init(path: String, items: Int, checksum: String?) throws {
    try self.init(path: path, checksum: checksum)
    guard itemCount == items else {
      throw InputError("\(path) is for \(itemCount) items, but the data set has \(items); run `precise encode` again")
    }
  }

  /// Maps and checks a file for whatever number of items it holds.
  init(path: String, checksum: String? = nil) throws {
    let file = try SafetensorsFile(path: path)
    guard let info = file.tensors["states"], info.shape.count == 2, (1...Self.largestExtent).contains(info.shape[1]),
      [.f32, .f16, .bf16].contains(info.type)
    else {
      throw InputError(
        "\(path): needs a tensor \"states\" of shape [tokens, dimension] in F32, F16 or BF16, the dimension at most \(Self.largestExtent)"
      )
    }
    let offsets = try file.values("offsets", as: Int64.self, .i64, shape: [nil])
    maxTokens = try Self.longest(offsets, rows: info.shape[0], path)
    dimension = info.shape[1]
    type = info.type
    itemCount = offsets.count - 1
    self.checksum = checksum
    self.file = file
    offsetValues = offsets
    states = try file.bytes("states")
  }

  /// Where each item's rows begin and, one entry on, end: [V + 1].
  package var offsets: UnsafeBufferPointer<Int64> { offsetValues }

  /// The number of rows of `states`, over all items.
  package var rowCount: Int { Int(offsetValues[itemCount]) }

  /// Free text entries of the file's header: which encoder made it, for which items.
  package var metadata: [String: String] { file.metadata }

  /// The number of tokens m_i of an item.
  package func tokenCount(_ item: Int) -> Int {
    Int(offsetValues[item + 1] - offsetValues[item])
  }

  /// Copies an item's states [m_i, dt] as Floats; `output` has room for `tokenCount(item) * dimension`.
  package func copyStates(_ item: Int, into output: UnsafeMutablePointer<Float>) {
    type.decode(rawStates(item), into: output)
  }

  /// Takes the states of some items out of this process's memory; they are read from the file again when needed.
  package func forget(_ items: Range<Int>) {
    let rowSize = dimension * type.size
    let rows = Int(offsetValues[items.lowerBound]) * rowSize..<Int(offsetValues[items.upperBound]) * rowSize
    file.forget(UnsafeRawBufferPointer(rebasing: states[rows]))
  }

  /// An item's states as stored: m_i · dt elements of `type`; valid as long as this object lives.
  package func rawStates(_ item: Int) -> UnsafeRawBufferPointer {
    let rowSize = dimension * type.size
    return UnsafeRawBufferPointer(rebasing: states[Int(offsetValues[item]) * rowSize..<Int(offsetValues[item + 1]) * rowSize])
  }

  /// Checks that offsets rise from 0 to the number of rows; returns the longest step.
  private static func longest(_ offsets: UnsafeBufferPointer<Int64>, rows: Int, _ path: String) throws -> Int {
    guard let first = offsets.first, let last = offsets.last, first == 0, last == rows else {
      throw InputError("\(path): \"offsets\" must go from 0 to the \(rows) rows of \"states\"")
    }
    var longest: Int64 = 0
    for item in 0..<offsets.count - 1 {
      // Bounds first, so that the difference cannot overflow.
      guard offsets[item + 1] >= offsets[item], offsets[item + 1] <= rows, offsets[item] >= 0 else {
        throw InputError("\(path): \"offsets\" falls, or leaves the \(rows) rows of \"states\", at item \(item)")
      }
      longest = max(longest, offsets[item + 1] - offsets[item])
    }
    guard longest <= largestExtent else {
      throw InputError("\(path): an item has \(longest) tokens, \(largestExtent) are the most; encode with fewer")
    }
    return Int(longest)
  }
}

extension TokenStates {
  /// The header's entry that holds the checksum of the item table the states are for.
  static let itemTableKey = "item_table_crc32"

  /// Opens a data set's token states, refusing those made for an earlier state of its items.
  ///
  /// - Throws: `InputError` when there are none, or they are damaged or stale.
  package convenience init(dataset: Dataset) throws {
    let record = try EncodingRecord(folder: dataset.path)
    let path = "\(dataset.path)/\(Self.fileName)"
    try self.init(path: path, items: dataset.items.count, checksum: record.fileChecksum)
    let checksum = DatasetItems(dataset).checksum
    // The record may be older than the file, when an encoding was stopped between the two.
    let isCurrent =
      record.version == EncodingRecord.currentVersion && record.itemTableChecksum == checksum
      && metadata[Self.itemTableKey] == checksum && record.rows == rowCount && record.width == dimension
    guard isCurrent else {
      throw InputError(
        "\(path) and \(EncodingRecord.fileName) were made for other items than the data set has now; run `precise encode \(dataset.path)` again"
      )
    }
  }

  /// Reads a data set's token states and compares their checksum with the record's.
  ///
  /// - Throws: `InputError` when they are damaged, stale or of another encoding than the record's.
  package static func verify(in dataset: Dataset) throws {
    let states = try TokenStates(dataset: dataset)
    try states.check(CRC32.of(file: states.path))
  }

  /// Throws `InputError` when a checksum of the file is not the one that the record of the encoding gives.
  package func check(_ found: UInt32) throws {
    guard let checksum, hexadecimal(found) != checksum else { return }
    throw InputError(
      "\(path) has checksum \(hexadecimal(found)), \(EncodingRecord.fileName) says \(checksum); run `precise encode` again")
  }

  /// Whether a data set was encoded at all; opening says whether the states are sound and current.
  package static func exist(in dataset: Dataset) -> Bool {
    [fileName, EncodingRecord.fileName].contains { FileManager.default.fileExists(atPath: "\(dataset.path)/\($0)") }
  }
}
