import Files
import Foundation
import Yams

/// YAML text as nodes, whoever wrote it: bounded in size, depth and repetition.
enum ConfigDocument {
  /// Far above any real configuration; a larger file is something else.
  static let byteLimit = 1 << 20

  /// Reads and parses a file.
  static func read(file: String) throws(ConfigProblem) -> ConfigNode {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: file, isDirectory: &isFolder) else { throw whole("there is no such file") }
    if isFolder.boolValue { throw whole("is a folder, not a configuration file") }
    guard let handle = FileHandle(forReadingAtPath: file), let data = try? handle.read(upToCount: byteLimit + 1) ?? Data() else {
      throw whole("cannot be read; check its permissions")
    }
    if data.count > byteLimit { throw whole("is larger than 1 MiB, so it is no configuration file") }
    if let signature = data.withUnsafeBytes({ FileSignature($0) }) { throw whole(signature.rule(path: file)) }
    // Editors on Windows begin UTF-8 with a byte order mark.
    let bytes = data.starts(with: [0xEF, 0xBB, 0xBF]) ? data.dropFirst(3) : data
    guard let text = String(validating: bytes, as: UTF8.self) else { throw whole("is not UTF-8 text") }
    return try parse(text) { .line($0) }
  }

  /// Parses YAML text; `origin` turns a line number into what messages show.
  static func parse(_ text: String, origin: (Int) -> ConfigProblem.Origin) throws(ConfigProblem) -> ConfigNode {
    // Aliases can double a document with every line, and Yams expands them while it composes. Eight are harmless, and
    // leave room for an asterisk in a comment.
    let letters = Array(text.utf8)
    let aliases = zip(letters, letters.dropFirst()).count { $0 == UInt8(ascii: "*") && isNameByte($1) }
    if aliases > 8 { throw whole("uses YAML aliases (*name); write the values out") }
    do {
      let parser = try Parser(yaml: text)
      guard let root = try parser.singleRoot() else { return ConfigNode(content: .map([]), origin: origin(1)) }
      // Yams holds anchors weakly: the parser must outlive the walk.
      return try withExtendedLifetime(parser) { try node(root, depth: 0, origin: origin) }
    } catch let problem as ConfigProblem {
      throw problem
    } catch let error as YamlError {
      throw syntax(error, origin: origin)
    } catch {
      throw whole("is not valid YAML: \(error)")
    }
  }

  private static func node(_ yaml: Node, depth: Int, origin: (Int) -> ConfigProblem.Origin) throws -> ConfigNode {
    let location = origin(yaml.mark?.line ?? 1)
    func refuse(_ rule: String) -> ConfigProblem { ConfigProblem(keyPath: "", value: "", rule: rule, origin: location) }
    if yaml.anchor != nil { throw refuse("YAML anchors (&name) are not supported; write the values out") }
    if depth > 16 { throw refuse("nested deeper than any key of a configuration") }
    switch yaml {
    case .scalar(let scalar):
      return ConfigNode(content: .scalar(scalar.string, quoted: scalar.style != .plain), origin: location)
    case .sequence(let sequence):
      return ConfigNode(content: .list(try sequence.map { try node($0, depth: depth + 1, origin: origin) }), origin: location)
    case .mapping(let mapping):
      let pairs = try mapping.map { key, value -> (key: String, node: ConfigNode) in
        guard case .scalar(let name) = key else { throw refuse("a key must be one word") }
        var child = try node(value, depth: depth + 1, origin: origin)
        child.origin = origin(name.mark?.line ?? 1)
        return (name.string, child)
      }
      return ConfigNode(content: .map(pairs), origin: location)
    case .alias:
      throw refuse("YAML aliases (*name) are not supported; write the values out")
    }
  }

  private static func syntax(_ error: YamlError, origin: (Int) -> ConfigProblem.Origin) -> ConfigProblem {
    switch error {
    case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
      .composer(let context, let problem, let mark, _):
      let more = context.map { " \($0.text)" } ?? ""
      return ConfigProblem(keyPath: "", value: "", rule: "is not valid YAML: \(problem)\(more)", origin: origin(mark.line))
    case .duplicatedKeysInMapping(let names, let context):
      let name = names.first ?? "a key"
      return ConfigProblem(
        keyPath: name, value: "", rule: "stands twice in one section", suggestion: "remove one", origin: origin(context.mark.line)
      )
    case .reader(let problem, _, _, _):
      return whole("is not valid YAML: \(problem)")
    default:
      return whole("is not valid YAML")
    }
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
      UInt8(ascii: "_"), UInt8(ascii: "-"):
      true
    default: false
    }
  }

  private static func whole(_ rule: String) -> ConfigProblem { ConfigProblem(keyPath: "", value: "", rule: rule) }
}

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
