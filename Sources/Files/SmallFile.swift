public import Foundation

/// A manifest or a record: a plain file that is read into memory as a whole.
public enum SmallFile {
  /// Far above the largest manifest; what is larger, or grows while it is read, is something else.
  static let largest = 64 << 20

  /// Reads a file.
  ///
  /// Throws `InputError` when it is missing, unreadable, too large, a folder or anything but a plain file.
  public static func read(_ path: String) throws -> Data {
    let file = try MappedFile(path: path)
    guard file.count <= largest else {
      throw InputError("\(path) is larger than 64 MiB, so it is none of our files; name another")
    }
    return file.withBytes { Data($0) }
  }
}
