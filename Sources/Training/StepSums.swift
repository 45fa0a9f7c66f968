import Items
import Tensors

/// The few numbers of a step that every rank must know: losses, routing counts, and whether a gradient has gone wrong.
///
/// One all-reduce a step, between backward and the updates.
struct StepSums {
  private let values = NumberList<Double>()
  private let terms: Int

  init(terms: Int) {
    self.terms = terms
    clear(experts: 0)
  }

  /// All numbers, for the all-reduce.
  var all: UnsafeMutableBufferPointer<Double> { UnsafeMutableBufferPointer(mutating: values.values) }
  /// Each term's loss.
  var losses: UnsafeMutableBufferPointer<Double> { UnsafeMutableBufferPointer(rebasing: all[2..<(2 + terms)]) }

  /// Starts a step's numbers at zero, with room for the routing of `experts` experts (0 = none).
  func clear(experts: Int) {
    values.resize(to: 2 + terms + (experts == 0 ? 0 : 2 * experts + 1)).update(repeating: 0)
  }

  /// Ranks whose embedding gradients are not finite.
  var badEmbeddings: Double {
    get { values[0] }
    nonmutating set { all[0] = newValue }
  }

  /// Ranks whose dense gradients are not finite.
  var badParameters: Double {
    get { values[1] }
    nonmutating set { all[1] = newValue }
  }

  /// Writes this rank's routing.
  func set(_ routing: Routing) {
    for (place, value) in routing.flat.enumerated() { all[2 + terms + place] = value }
  }

  /// The whole job's routing, once reduced.
  func routing(experts: Int) -> Routing {
    var routing = Routing(experts: experts)
    routing.flat = Array(values.values[(2 + terms)...])
    return routing
  }
}
