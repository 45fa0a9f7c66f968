import Foundation

/// A path as the system sees it, without links and dots; of one that is not there yet, as far as it goes.
public struct CanonicalPath: Sendable, Equatable {
  /// The absolute path.
  public let text: String

  /// Resolves a path.
  public init(_ path: String) {
    var (url, missing) = (URL(fileURLWithPath: path).standardizedFileURL, [String]())
    while url.path != "/", realPath(url.path) == nil {
      missing.append(url.lastPathComponent)
      url.deleteLastPathComponent()
    }
    let base = realPath(url.path) ?? url.path
    text = missing.reversed().reduce(base) { $0 == "/" ? "/\($1)" : "\($0)/\($1)" }
  }

  /// Whether this is a folder or what lies in it.
  public func isInside(_ folder: CanonicalPath) -> Bool {
    text == folder.text || Array(text.utf8).starts(with: Array((folder.text == "/" ? "/" : folder.text + "/").utf8))
  }
}
