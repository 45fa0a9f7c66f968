package import Tensors

/// How a step's items were shared out over the experts, for the load balance.
///
/// docs/model.md, section 1 (ours).
///
///     balance = K · Σ_j f_j p_j,  f_j = share of the J slots routed to j,  p_j = mean probability of j
///
/// Sums over all items of the whole job's step: 2K + 1 numbers, all-reduced between forward and backward. A plain view of them: copying
/// it copies no numbers.
package struct Routing {
  /// K.
  package let experts: Int
  /// All numbers as they travel in the all-reduce: slots routed to each expert, each expert's probability, items.
  package let numbers: UnsafeMutableBufferPointer<Double>

  /// How many numbers there are.
  package static func count(experts: Int) -> Int { 2 * experts + 1 }

  /// A view of `count(experts:)` numbers.
  package init(_ numbers: UnsafeMutableBufferPointer<Double>) {
    precondition(numbers.count % 2 == 1, "\(numbers.count) routing numbers")
    self.numbers = numbers
    experts = numbers.count / 2
  }

  /// Nothing routed yet; the numbers are the workspace's.
  package init(experts: Int, workspace: Workspace) {
    let count = Self.count(experts: experts)
    self.init(UnsafeMutableBufferPointer(start: workspace.take(Double.self, count), count: count))
    numbers.update(repeating: 0)
  }

  /// Slots routed to each expert (K numbers).
  package var routed: UnsafeMutableBufferPointer<Double> { UnsafeMutableBufferPointer(rebasing: numbers[..<experts]) }
  /// Σ over items of the full softmax (K numbers).
  package var probability: UnsafeMutableBufferPointer<Double> {
    UnsafeMutableBufferPointer(rebasing: numbers[experts..<(2 * experts)])
  }
  /// Items with text.
  package var items: Double {
    get { numbers[2 * experts] }
    nonmutating set { numbers[2 * experts] = newValue }
  }

  /// f_j: the share of the slots routed to an expert.
  package func share(of expert: Int) -> Double { routed[expert] / max(routed.reduce(0, +), 1) }

  /// The share of the expert that has most.
  package var busiestShare: Double { (routed.max() ?? 0) / max(routed.reduce(0, +), 1) }

  /// The balance loss: 1 when evenly shared, up to K when one expert takes all.
  package var loss: Double {
    var sum = 0.0
    for expert in 0..<experts { sum += share(of: expert) * probability[expert] }
    return Double(experts) * sum / max(items, 1)
  }

  /// d(balance)/d(probability of an expert for one item), the same for every item with text.
  package func probabilityGradient(of expert: Int) -> Double { share(of: expert) * Double(experts) / max(items, 1) }
}

/// What the balance loss asks of a gate: λ times its gradient under the whole job's routing.
package struct Balance {
  /// The sum of the ranks' routings in this step.
  let routing: Routing
  /// λ, the weight of the balance loss.
  let weight: Float

  /// Puts the two together.
  package init(_ routing: Routing, weight: Float) {
    self.routing = routing
    self.weight = weight
  }

  /// λ · d(balance)/d(probability of an expert for one item).
  func probabilityGradient(of expert: Int) -> Float { weight * Float(routing.probabilityGradient(of: expert)) }
}
