public import Datasets
import Files
import Foundation

extension TokenStates {
  /// The header's entry that holds the checksum of the item table the states are for.
  public static let itemTableKey = "item_table_crc32"

  /// Opens a data set's token states, refusing those made for an earlier state of its items.
  ///
  /// - Throws: `InputError` when there are none, or they are damaged or stale.
  public convenience init(dataset: Dataset) throws {
    let record = try EncodingRecord(folder: dataset.path)
    let path = "\(dataset.path)/\(Self.fileName)"
    try self.init(path: path, items: dataset.items.count, checksum: record.fileChecksum)
    let checksum = DatasetItems(dataset).checksum
    // The record may be older than the file, when an encoding was stopped between the two.
    let isCurrent =
      record.version == EncodingRecord.currentVersion && record.itemTableChecksum == checksum
      && metadata[Self.itemTableKey] == checksum && record.rows == rowCount && record.dimension == dimension
    guard isCurrent else {
      throw InputError(
        "\(path) and \(EncodingRecord.fileName) were made for other items than the data set has now; run `precise encode \(dataset.path)` again"
      )
    }
  }

  /// Reads a data set's token states and compares their checksum with the record's.
  ///
  /// - Throws: `InputError` when they are damaged, stale or of another encoding than the record's.
  public static func verify(in dataset: Dataset) throws {
    let states = try TokenStates(dataset: dataset)
    guard try hexadecimal(CRC32.of(file: states.path)) == EncodingRecord(folder: dataset.path).fileChecksum else {
      throw InputError(
        "\(states.path) is not what \(EncodingRecord.fileName) says of it; run `precise encode \(dataset.path)` again")
    }
  }

  /// Whether a data set was encoded at all; opening says whether the states are sound and current.
  public static func exist(in dataset: Dataset) -> Bool {
    [fileName, EncodingRecord.fileName].contains { FileManager.default.fileExists(atPath: "\(dataset.path)/\($0)") }
  }
}
