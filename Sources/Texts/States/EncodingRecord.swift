package import Files
import Foundation

/// What `encode.json` says about a data set's token states: how they were made, and for which items.
package struct EncodingRecord: Codable, Equatable, Sendable {
  /// The name of the file in a data set's folder.
  package static let fileName = "encode.json"
  /// The version of this record and of the states' file.
  package static let currentVersion = 1
  /// What keys of earlier versions are called now.
  private static let renamed = ["dimension": "width"]

  /// A sort of states that new items must have too.
  package enum Kind: String, Codable, Sendable {
    /// One vector an item, each a single state (``ForeignVectors``).
    case vectors
  }

  /// The version it was written with.
  package var version = currentVersion
  /// "hashed", or the model that made the states.
  package let encoder: String
  /// What sort of states these are; nil for states of tokens, and in records of earlier versions.
  package let kind: Kind?
  /// The width dt of a state.
  @Bounded<ExtentBounds> package private(set) var width: Int
  /// The limit of tokens an item.
  @Bounded<ExtentBounds> package private(set) var tokens: Int
  /// How the states are stored: F32, F16 or BF16.
  package let type: String
  /// The number of items V.
  @Bounded<ItemBounds> package private(set) var items: Int
  /// Items that have at least one state.
  @Bounded<ItemBounds> package private(set) var itemsWithStates: Int
  /// States over all items.
  @Bounded<CountBounds> package private(set) var rows: Int
  /// CRC-32 of the data set's item table, eight hexadecimal digits.
  package let itemTableChecksum: String
  /// CRC-32 of the states' file, eight hexadecimal digits.
  let fileChecksum: String

  /// Reads the record of a data set's folder.
  ///
  /// - Throws: `InputError` when there is none or it cannot be read.
  package init(folder: String) throws {
    let path = "\(folder)/\(Self.fileName)"
    guard access(path, F_OK) == 0 else { throw InputError("\(folder) has no \(Self.fileName); run `precise encode \(folder)`") }
    let data = try SmallFile.read(path)
    do {
      self = try RecordCoding.decode(Self.self, from: data, renamed: Self.renamed)
    } catch {
      throw InputError("\(path) is not a record of an encoding (\(jsonDamage(error))); run `precise encode \(folder)` again")
    }
  }

  init(
    source: some TokenSource, tokens: Int, type: ElementType, items: Int, itemsWithStates: Int, rows: Int,
    itemTableChecksum: String, fileChecksum: String
  ) {
    (encoder, kind, width) = (source.name, source.kind, source.dimension)
    self.tokens = tokens
    self.type = type.rawValue
    self.items = items
    self.itemsWithStates = itemsWithStates
    self.rows = rows
    self.itemTableChecksum = itemTableChecksum
    self.fileChecksum = fileChecksum
  }

  /// Writes the record into a data set's folder.
  func write(folder: String) throws {
    var file = try AtomicFile(path: "\(folder)/\(Self.fileName)")
    try RecordCoding.encode(self).withUnsafeBytes { try file.write($0) }
    try file.write("\n")
    try file.commit()
  }
}
