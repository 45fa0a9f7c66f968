import Foundation

/// The parts of a training step, in the order of a step; what `precise bench` reports.
public enum StepPart: Int, CaseIterable, Sendable {
  /// Filling the batch, drawing negatives, finding the distinct rows.
  case batch
  /// Row numbers to owners, fusion forward, embeddings back.
  case embed
  /// Sequence embedding and transformer, forward.
  case encode
  /// The objective's losses and their gradients.
  case loss
  /// Transformer and sequence embedding, backward.
  case encodeBackward
  /// Gradients to owners, fusion backward, row updates.
  case items
  /// All-reduce of the dense gradients.
  case reduce
  /// Norm, clip, AdamW.
  case dense
}

/// Adds up the seconds that each part of a step takes.
public final class StepClock {
  /// Seconds by part, in the order of `StepPart`.
  public private(set) var seconds = [Double](repeating: 0, count: StepPart.allCases.count)

  /// Makes a clock at zero.
  public init() {}

  /// Starts again at zero.
  public func reset() {
    for part in seconds.indices { seconds[part] = 0 }
  }

  /// Runs `body` and adds its time to a part.
  public func time<Result>(_ part: StepPart, _ body: () throws -> Result) rethrows -> Result {
    let start = DispatchTime.now().uptimeNanoseconds
    defer { seconds[part.rawValue] += Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-9 }
    return try body()
  }
}
