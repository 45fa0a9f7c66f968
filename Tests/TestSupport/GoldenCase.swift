import Foundation

/// The whole model on one small input: parameters, outputs, losses and every gradient, from `Tests/References`.
///
/// The README there has the tensors' names and shapes.
package struct GoldenCase: Sendable {
  /// The losses whose gradients a case holds.
  package enum Loss: String, Sendable, CaseIterable {
    /// Next-item softmax and balance.
    case phase1
    /// Cross-user BPR and balance.
    case phase2
    /// Phase 2 with half the target softmax.
    case phase2Softmax = "phase2_softmax"
  }

  /// Tensors and metadata.
  package let file: FixtureFile
  /// The model's shape and switches.
  package let config: GoldenConfig

  /// Opens a golden file, of ours or of another writer of the format.
  package init(path: String) throws {
    file = try FixtureFile(path: path)
    config = try file.decode(GoldenConfig.self)
  }

  /// Every committed case, then those of the folder that the environment variable `PRECISE_GOLDEN` names.
  package static func all() throws -> [GoldenCase] {
    let folders = [Fixtures.path("golden"), ProcessInfo.processInfo.environment["PRECISE_GOLDEN"]].compactMap(\.self)
    return try folders.flatMap { folder in
      let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
      return try names.filter { $0.hasSuffix(".safetensors") }.map { try GoldenCase(path: "\(folder)/\($0)") }
    }
  }

  /// The case's name, as its file's.
  package var name: String {
    file.name
  }

  /// Names of the replicated parameters, sorted, without `param.`.
  package var parameterNames: [String] {
    names(after: "param.")
  }

  /// Names of the tensors with a gradient of `loss`, sorted, without prefix: the parameters, `ids` and `tokens`.
  package func gradientNames(_ loss: Loss) -> [String] {
    names(after: "grad.\(loss.rawValue).")
  }

  /// A parameter by its name without `param.`.
  package func parameter(_ name: String) throws -> [Float] {
    try file.floats("param." + name)
  }

  /// The gradient of a loss by a parameter, `ids` or `tokens`.
  package func gradient(_ loss: Loss, _ name: String) throws -> [Float] {
    try file.floats("grad.\(loss.rawValue).\(name)")
  }

  /// A loss: `next_item`, `bpr`, `balance`, `target_softmax`, or the name of a `Loss`.
  package func loss(_ name: String) throws -> Float {
    try file.float("loss." + name)
  }

  /// Norm-wise relative error of a gradient; one that is zero by the mathematics is held against the largest of its loss.
  package func gradientError(_ actual: some Collection<Float>, _ loss: Loss, _ name: String) throws -> Double {
    let expected = try gradient(loss, name)
    // Measuring all gradients is slow, and few are zero.
    return relativeError(actual, expected, zeroScale: norm(expected) < 1e-9 ? try largestGradient(loss) : 1)
  }

  /// Norm-wise relative error of an output, such as `e`, `h` or `user`.
  package func outputError(_ actual: some Collection<Float>, _ name: String) throws -> Double {
    relativeError(actual, try file.floats(name))
  }

  private func largestGradient(_ loss: Loss) throws -> Double {
    try gradientNames(loss).map { norm(try gradient(loss, $0)) }.max() ?? 1
  }

  private func names(after prefix: String) -> [String] {
    file.names.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
  }
}
