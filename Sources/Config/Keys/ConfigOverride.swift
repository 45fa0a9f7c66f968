/// One `--set key.path=value` from the command line.
///
/// The path may go through lists by number (`targeted.0.epochs=3`); the value is YAML (`[5, 10]`, `{bpr: 0, softmax: 1}`).
/// There is no other second way to set a key.
struct ConfigOverride {
  let path: [String]
  let value: ConfigNode
  let text: String

  init(_ text: String) throws(ConfigProblem) {
    self.text = text
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    path = parts[0].split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    let origin = ConfigProblem.Origin.override(text)
    guard parts.count == 2, (1...8).contains(path.count), path.allSatisfy({ !$0.isEmpty }) else {
      throw ConfigProblem(
        keyPath: "", value: "", rule: "must be key.path=value", suggestion: "as in --set model.layers=4", origin: origin)
    }
    value = try ConfigOverride.node(String(parts[1]), origin)
  }

  /// Puts the value in its place, making sections on the way that the file leaves out.
  func apply(to root: ConfigNode) throws(ConfigProblem) -> ConfigNode {
    try placed(in: root, path[...])
  }

  private static func node(_ text: String, _ origin: ConfigProblem.Origin) throws(ConfigProblem) -> ConfigNode {
    if text.utf8.count > ConfigDocument.byteLimit {
      throw ConfigProblem(
        keyPath: "", value: "", rule: "the value is larger than 1 MiB", origin: .override(String(text.prefix(40))))
    }
    if text.allSatisfy({ $0 == " " }) { return ConfigNode(content: .scalar("", quoted: false), origin: origin) }
    return try ConfigDocument.parse(text) { _ in origin }
  }

  private func placed(in node: ConfigNode, _ path: ArraySlice<String>) throws(ConfigProblem) -> ConfigNode {
    guard let name = path.first else { return value }
    var result = node
    switch node.content {
    case .list(var nodes):
      guard let position = Int(name), nodes.indices.contains(position) else { throw outside(nodes.count, name) }
      nodes[position] = try placed(in: nodes[position], path.dropFirst())
      result.content = .list(nodes)
    case .map(var pairs):
      let empty = ConfigNode(content: .map([]), origin: value.origin)
      if let position = pairs.firstIndex(where: { $0.key == name }) {
        let child = pairs[position].node
        pairs[position].node = try placed(in: child.isNull ? empty : child, path.dropFirst())
      } else {
        pairs.append((name, try placed(in: empty, path.dropFirst())))
      }
      result.content = .map(pairs)
    case .scalar:
      throw ConfigProblem(
        keyPath: self.path.joined(separator: "."), value: node.shown, rule: "\(name) would be inside a plain value",
        origin: value.origin)
    }
    return result
  }

  private func outside(_ count: Int, _ name: String) -> ConfigProblem {
    let have = count == 0 ? "the list is empty" : "the list has 0 to \(count - 1)"
    return ConfigProblem(
      keyPath: path.joined(separator: "."), value: "", rule: "there is no entry \(name)", suggestion: have, origin: value.origin)
  }
}
