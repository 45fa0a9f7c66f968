/// How a step's items were shared out over the experts, for the load balance.
///
/// docs/model.md, section 1 (ours).
///
///     balance = K · Σ_j f_j p_j,  f_j = share of the k · U slots routed to j,  p_j = mean probability of j
///
/// Sums over all items of the whole job's step: 2K + 1 numbers, all-reduced between forward and backward.
public struct Routing: Sendable, Equatable {
  /// Slots routed to each expert (K numbers).
  public var routed: [Double]
  /// Σ over items of the full softmax (K numbers).
  public var probability: [Double]
  /// Items with text.
  public var items: Double

  /// Nothing routed yet.
  public init(experts: Int) {
    routed = Array(repeating: 0, count: experts)
    probability = Array(repeating: 0, count: experts)
    items = 0
  }

  /// The numbers in one list, and back: what travels in the all-reduce.
  public var flat: [Double] {
    get { routed + probability + [items] }
    set {
      let experts = routed.count
      precondition(newValue.count == 2 * experts + 1, "\(newValue.count) routing numbers for \(experts) experts")
      routed = Array(newValue[..<experts])
      probability = Array(newValue[experts..<(2 * experts)])
      items = newValue[2 * experts]
    }
  }

  /// f_j: the share of the slots routed to each expert.
  public var shares: [Double] {
    let slots = max(routed.reduce(0, +), 1)
    return routed.map { $0 / slots }
  }

  /// The balance loss: 1 when evenly shared, up to K when one expert takes all.
  public var loss: Double {
    Double(routed.count) * zip(shares, probability).reduce(0) { $0 + $1.0 * $1.1 } / max(items, 1)
  }

  /// d(balance)/d(probability of expert j for one item), the same for every item with text.
  public var probabilityGradient: [Double] {
    shares.map { $0 * Double(routed.count) / max(items, 1) }
  }
}
