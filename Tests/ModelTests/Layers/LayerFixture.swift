import TestSupport
import Testing

@testable import Model
@testable import Tensors

/// What the tests of the layers share: parameters away from their start, packed batches, and the verdict on gradients.
enum LayerFixture {
  /// What finite differences in single precision may be off by; a wrong term shows as 1e-1 or more.
  static let tolerance = 3e-3

  /// An arena as training starts, which lives as long as the process: layers hold views of it, not itself.
  static func freshArena(_ specs: [ParameterSpec], seed: UInt64 = 1) -> ParameterArena {
    Unmanaged.passRetained(ParameterArena(specs, seed: seed)).takeUnretainedValue()
  }

  /// An arena whose every parameter is random, so that no bias is zero and no scale one.
  static func arena(_ specs: [ParameterSpec], seed: UInt64 = 1, scale: Float = 0.4) -> ParameterArena {
    let arena = freshArena(specs, seed: seed)
    for (index, parameter) in arena.parameters.enumerated() {
      let center: Float = specs[index].initialization == .ones ? 1 : 0
      let values = RandomValues.floats(parameter.count, seed: seed + UInt64(10 * index), scale: scale, center: center)
      parameter.value.base.update(from: values, count: values.count)
    }
    return arena
  }

  /// Sequences of the given lengths, packed; every position has its own key.
  static func batch(_ lengths: [Int]) -> PackedBatch {
    let starts = lengths.reduce(into: [0]) { $0.append(($0.last ?? 0) + $1) }
    let keys = UnsafeMutablePointer<UInt64>.allocate(capacity: max(1, starts[lengths.count]))
    for position in 0..<starts[lengths.count] { keys[position] = 0x1_0000_0000 * UInt64(position % 3) + 77 * UInt64(position) }
    return PackedBatch(starts: .kept(starts), rowKeys: keys)
  }

  /// The same with times: events lie seconds to months apart, some at the same time; the request comes an hour after the newest.
  static func timedBatch(_ lengths: [Int], _ anchor: TimeAnchor, workspace: Workspace) -> PackedBatch {
    let plain = batch(lengths)
    let times = UnsafeMutablePointer<Int64>.allocate(capacity: max(1, plain.positions))
    let requests = UnsafeMutablePointer<Int64>.allocate(capacity: max(1, lengths.count))
    for user in lengths.indices {
      var time: Int64 = 1_000_000_000 + Int64(user)
      for row in plain.rows(of: user) {
        time += row % 3 == 1 ? 0 : 1 << Int64(5 * row % 23)
        times[row] = time
      }
      requests[user] = time + 3_600
    }
    let timed = PackedBatch(starts: plain.starts, rowKeys: plain.rowKeys, times: .init(events: times, requests: requests))
    return timed.aged(anchor, workspace: workspace)
  }

  /// A pass with dropout, as in training.
  static func training(causal: Bool) -> ForwardMode { ForwardMode(seed: 3, step: 5, dropout: 0.3, causal: causal) }

  /// A matrix with the same numbers in memory of its own.
  static func copy(_ matrix: Matrix) -> Matrix {
    GuardedMatrix.make(matrix.values, rows: matrix.rows, columns: matrix.columns)
  }

  /// A block's backward pass that nobody observes.
  static func backward(
    _ block: TransformerBlock, _ dZ: Matrix, _ saved: TransformerBlock.Saved, _ batch: PackedBatch, _ mode: ForwardMode,
    _ workspace: Workspace
  ) {
    unobserved { try block.backward(dZ, saved: saved, batch: batch, context: StepContext(workspace, mode: mode)) }
  }

  /// Holds every gradient against finite differences.
  static func expectGradients(
    _ name: String, _ arena: ParameterArena?, inputs: [GradientCheck.Input], floor: Double = 1e-3, loss: () -> Double,
    backward: () -> Void
  ) {
    let errors = GradientCheck.errors(arena, inputs: inputs, floor: floor, loss: loss, backward: backward)
    #expect(errors.count == (arena?.parameters.count ?? 0) + inputs.count)
    for (tensor, error) in errors { #expect(error < tolerance, "\(name): the gradient of \(tensor) is off by \(error)") }
    if let worst = errors.max(by: { $0.value < $1.value }) { print("\(name): worst error \(worst.value) in \(worst.key)") }
    for input in inputs { #expect(GuardedMatrix.isIntact(input.gradient), "\(name): written beside \(input.name)'s gradient") }
  }
}
