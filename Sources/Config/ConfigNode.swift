/// A piece of a configuration file, before it is known what it should be.
struct ConfigNode: Sendable {
  /// What stands there.
  enum Content: Sendable {
    /// A number, a word or a text; `quoted` keeps `"5"` a text and `5` a number.
    case scalar(String, quoted: Bool)
    case list([ConfigNode])
    case map([(key: String, node: ConfigNode)])
  }

  var content: Content
  var origin: ConfigProblem.Origin

  /// `null`, `~` or nothing at all.
  var isNull: Bool {
    guard case .scalar(let text, quoted: false) = content else { return false }
    return ["", "~", "null", "Null", "NULL"].contains(text)
  }

  /// The value as a message shows it: short, whatever stands there.
  var shown: String {
    switch content {
    case .scalar(let text, let quoted):
      let short = text.count > 60 ? text.prefix(60) + "..." : text[...]
      return quoted ? "\"\(short)\"" : isNull ? "null" : String(short)
    case .list: return "a list"
    case .map: return "a section"
    }
  }

  /// The node at a dotted path, or the nearest one above it: where to point for a key that is not in the file.
  func nearest(to path: String) -> ConfigNode {
    var node = self
    for part in path.split(separator: ".") {
      guard let next = node.child(String(part)) else { break }
      node = next
    }
    return node
  }

  /// The entry of a section or, by number from 0, of a list.
  func child(_ name: String) -> ConfigNode? {
    switch content {
    case .scalar: return nil
    case .list(let nodes): return Int(name).flatMap { nodes.indices.contains($0) ? nodes[$0] : nil }
    case .map(let pairs): return pairs.first { $0.key == name }?.node
    }
  }
}
