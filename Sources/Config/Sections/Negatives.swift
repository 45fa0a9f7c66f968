import Files

/// How many items a target competes with in the softmax.
package enum Negatives: Sendable, Equatable {
  /// This many shared draws a step, duplicates removed afterwards.
  case count(Int)
  /// Every other item that has a training event: the full softmax, for small catalogues (ours).
  case all
}

extension Negatives: ConfigValue {
  static let kind = "a whole number"
  static let schema: [JSONValue.Field] = [.init("type", ["integer", "string"]), .init("pattern", "^(all|[0-9]+(_[0-9]+)+)$")]

  static func read(_ node: ConfigNode) -> Negatives? {
    if case .scalar("all", _) = node.content { return .all }
    return Int.read(node).map { .count($0) }
  }

  var text: String {
    switch self {
    case .count(let count): "\(count)"
    case .all: "all"
    }
  }
}

extension ConfigRange<Negatives> {
  /// 1 to 16,777,216 draws, or `all`.
  static let draws = ConfigRange(
    rule: "from 1 to 16777216, or all", schema: [.init("minimum", 1), .init("maximum", 16_777_216)]
  ) { value in
    guard case .count(let count) = value else { return true }
    return (1...16_777_216).contains(count)
  }
}

/// Where a step's shared negatives are drawn from.
package enum NegativeSource: String, Sendable {
  /// The items of the global batch: drawn as often as they are seen (the paper: items of other users' sequences).
  case batch
  /// Every item that has a training event, all alike (ours).
  case uniform
  /// Half of them of each kind (ours).
  case mixed
}

extension NegativeSource: ConfigChoice {}
