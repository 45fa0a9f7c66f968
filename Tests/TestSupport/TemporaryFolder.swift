package import Foundation

/// A fresh folder for one test, removed with everything in it when the value goes.
package final class TemporaryFolder: Sendable {
  /// The folder's absolute path, without a slash at the end.
  package let path: String

  /// Makes the folder under the system's temporary folder.
  package init() throws {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("precise-test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    path = url.path
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// The path of a file or folder in here; nothing is made.
  package func file(_ name: String) -> String { "\(path)/\(name)" }

  /// Writes a text file and returns its path.
  @discardableResult
  package func write(_ name: String, _ text: String) throws -> String { try write(name, Data(text.utf8)) }

  /// Writes a file and returns its path.
  @discardableResult
  package func write(_ name: String, _ data: Data) throws -> String {
    try data.write(to: URL(fileURLWithPath: file(name)))
    return file(name)
  }

  /// The names of what is in here, hidden files too, sorted.
  package func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: path).sorted() }
}
