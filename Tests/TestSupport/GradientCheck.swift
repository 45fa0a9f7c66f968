package import Tensors

/// Holds the gradients that a `backward` leaves behind against finite differences of the loss.
package enum GradientCheck {
  /// An input of the loss and where backward leaves its gradient.
  package struct Input {
    /// The name, for messages.
    package let name: String
    /// The values that the loss depends on.
    package let value: Matrix
    /// Where backward leaves the gradient.
    package let gradient: Matrix
    let adds: Bool

    /// Describes an input; `adds` says that backward adds to the gradient, else it writes it.
    package init(_ name: String, _ value: Matrix, gradient: Matrix, adds: Bool) {
      precondition(value.count == gradient.count && value.isContiguous && gradient.isContiguous, "\(name): \(gradient.shape)")
      self.name = name
      self.value = value
      self.gradient = gradient
      self.adds = adds
    }
  }

  /// What every gradient holds before backward, to see whether it is added to or overwritten as promised.
  private static let before: Float = 0.25

  /// The worst error of every parameter and input, by name; see `FiniteDifference` for what to expect.
  ///
  /// - Parameters:
  ///   - entries: how many entries of each tensor to check; nil = all.
  ///   - floor: gradients below this size count as zero.
  ///   - loss: runs forward on the current values.
  ///   - backward: runs forward, then backward, once.
  package static func errors(
    _ arena: ParameterArena?, inputs: [Input], entries: Int? = 40, floor: Double = 1e-3, loss: () throws -> Double,
    backward: () throws -> Void
  ) rethrows -> [String: Double] {
    let parameters = (arena?.parameters ?? []).map { Input($0.name, $0.value, gradient: $0.gradient, adds: true) }
    let all = parameters + inputs
    for input in all { for index in 0..<input.gradient.count { input.gradient.base[index] = before } }
    try backward()
    var errors: [String: Double] = [:]
    for input in all {
      let gradient = input.gradient.values.map { $0 - (input.adds ? before : 0) }
      let values = UnsafeMutableBufferPointer(start: input.value.base, count: input.value.count)
      errors[input.name] = try FiniteDifference.check(
        values: values, gradient: gradient, entries: entries, floor: floor, loss: loss)
    }
    return errors
  }
}

extension Matrix {
  /// Σ weights · elements in double precision: a loss whose gradient is `weights`.
  package func weightedSum(_ weights: Matrix) -> Double {
    var sum = 0.0
    for row in 0..<rows { for column in 0..<columns { sum += Double(self[row, column]) * Double(weights[row, column]) } }
    return sum
  }
}
