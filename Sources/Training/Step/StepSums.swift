import Model
import Tensors

/// The few numbers of a step that every rank must know: losses, routing counts, and what one rank alone has noticed.
///
/// One all-reduce a step, between backward and the updates.
struct StepSums {
  /// How many numbers stand before the losses.
  static let flags = 5
  private let values = NumberList<Double>()
  private let terms: Int

  init(terms: Int) {
    self.terms = terms
    clear(experts: 0)
  }

  /// All numbers, for the all-reduce.
  var all: UnsafeMutableBufferPointer<Double> { UnsafeMutableBufferPointer(mutating: values.values) }
  /// Each term's loss.
  var losses: UnsafeMutableBufferPointer<Double> { UnsafeMutableBufferPointer(rebasing: all[Self.flags..<(Self.flags + terms)]) }

  /// How many numbers a step of so many losses and experts (0 = no routing) has.
  static func count(terms: Int, experts: Int) -> Int { flags + terms + (experts == 0 ? 0 : Routing.count(experts: experts)) }

  /// Starts a step's numbers at zero, with room for the routing of `experts` experts.
  func clear(experts: Int) {
    values.resize(to: Self.count(terms: terms, experts: experts)).update(repeating: 0)
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

  /// What this rank has to tell; what any rank had, once reduced.
  var notes: StepNotes {
    get {
      var notes = StepNotes()
      notes.wantsCheckpoint = values[2] > 0
      notes.wantsStop = values[3] > 0
      notes.isBehind = values[4] > 0
      return notes
    }
    nonmutating set {
      all[2] = newValue.wantsCheckpoint ? 1 : 0
      all[3] = newValue.wantsStop ? 1 : 0
      all[4] = newValue.isBehind ? 1 : 0
    }
  }

  /// The routing: this rank's, and the whole job's once reduced; valid until the next step.
  var routing: Routing { Routing(UnsafeMutableBufferPointer(rebasing: all[(Self.flags + terms)...])) }
}
